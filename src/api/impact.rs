//! What a rule would have refused: `/api/v1/rules/{id}/impact`.

use super::address::Named;
use super::body::Optional;
use super::merge_patch::patched;
use super::problem::WriteFailures;
use super::rules::{READ_ONLY, RuleObject};
use super::schema::bindings as schema;
use crate::auth::Caller;
use crate::domain::credits::Credits;
use crate::domain::id::RuleId;
use crate::domain::impact::{Judged, Sum};
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::impact::{Impact, KeyImpact};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// What a rule would have refused of the calls that its keys made.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleImpact {
    #[schema(value_type = String, format = DateTime)]
    from: Time,
    #[schema(value_type = String, format = DateTime)]
    to: Time,
    #[serde(flatten)]
    total: JudgedObject,
    /// Each key with calls, those with the most refusals first.
    keys: Vec<KeyImpactObject>,
}

/// The same for one key.
#[derive(Debug, Serialize, ToSchema)]
struct KeyImpactObject {
    key_id: String,
    key_name: String,
    #[serde(flatten)]
    judged: JudgedObject,
}

/// Calls and credits: all of them, and those refused.
#[derive(Debug, Serialize, ToSchema)]
struct JudgedObject {
    /// All calls that were made.
    calls: u64,
    /// What they cost, in credits with all nine decimals.
    #[schema(example = "0.000123000")]
    credits: String,
    /// What the rule would have refused of them, for either reason.
    refused: RefusedSum,
    /// Those outside its hours.
    outside_hours: RefusedSum,
    /// Those within its hours that would not have fitted its quota, given what earlier calls of the period that it
    /// let pass had used.
    over_quota: RefusedSum,
}

/// Calls and what they cost.
#[derive(Debug, Serialize, ToSchema)]
struct RefusedSum {
    calls: u64,
    #[schema(example = "0.000123000")]
    credits: String,
}

impl From<Sum> for RefusedSum {
    fn from(sum: Sum) -> Self {
        Self { calls: sum.calls, credits: Credits::from_nanos(sum.nanos).exact() }
    }
}

impl From<Judged> for JudgedObject {
    fn from(judged: Judged) -> Self {
        let RefusedSum { calls, credits } = judged.all.into();
        let refused = judged.refused().into();
        Self {
            calls,
            credits,
            refused,
            outside_hours: judged.outside_hours.into(),
            over_quota: judged.over_quota.into(),
        }
    }
}

impl From<KeyImpact> for KeyImpactObject {
    fn from(key: KeyImpact) -> Self {
        Self { key_id: key.id.0, key_name: key.name, judged: key.judged.into() }
    }
}

impl From<Impact> for RuleImpact {
    fn from(impact: Impact) -> Self {
        let Impact { from, to, total, keys, .. } = impact;
        Self { from, to, total: total.into(), keys: keys.into_iter().map(KeyImpactObject::from).collect() }
    }
}

/// Say what a rule would have refused over the last 30 days of its keys' real calls: as it is, or as a merge patch in
/// the body would leave it. Nothing is saved.
#[utoipa::path(post, path = "/rules/{id}/impact", tag = "rules", operation_id = "rule_impact",
    params(("id" = String, Path, description = "The rule's id.")), request_body = Option<schema::RulePatch>,
    responses((status = 200, description = "What it would have refused.", body = RuleImpact), WriteFailures))]
pub async fn impact(
    Caller(by): Caller,
    Named(id): Named,
    State(gateway): State<Gateway>,
    Optional(mut patch): Optional,
) -> Result<Json<RuleImpact>, Problem> {
    let id = RuleId(id);
    let known = RuleObject::from(gateway.rule(&by, &id).await?);
    // They follow from the rest and from keys, so a rule may be sent back as it was read.
    patch.remove("reference_count");
    patch.remove("text");
    let edit = if patch.is_empty() { None } else { Some(patched(&known, patch, &READ_ONLY)?) };
    Ok(Json(gateway.rule_impact(&by, &id, edit).await?.into()))
}
