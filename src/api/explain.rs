//! `/api/v1/explain`: what would become of a call, and why.

use super::body::Object;
use super::merge_patch::fresh;
use super::problem::WriteFailures;
use super::refusals::{LimitObject, RefusalObject};
use crate::auth::Caller;
use crate::domain::id::KeyId;
use crate::domain::problem::Problem;
use crate::domain::time::Time;
use crate::gateway::Gateway;
use crate::gateway::explain::{Checked, Explanation, Question};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::ToSchema;

/// A call to be explained.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallFields {
    #[schema(value_type = String)]
    key_id: KeyId,
    #[schema(example = "tollgate/echo")]
    model: String,
    #[serde(default)]
    #[schema(required = false, default = 0)]
    input_tokens: u64,
    /// The output it would ask for; the gateway's choice where absent.
    #[serde(default)]
    max_tokens: Option<u64>,
    /// When; now where absent. Limits are told as of then if it is to come, as if nothing else were called until then,
    /// and as they stand now if it is past.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Time>,
    #[serde(default)]
    #[schema(default = "/v1/chat/completions")]
    endpoint: Option<String>,
    /// The address it would come from; not judged where absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    ip: Option<IpAddr>,
}

/// What would become of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplanationObject {
    verdict: Verdict,
    /// In the order in which they are made. Those that cannot be judged, since the model is not there, are left out.
    checks: Vec<CheckObject>,
    /// Every limit that would be consulted, in order.
    limits: Vec<LimitObject>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Verdict {
    allowed: bool,
    /// What the caller would be told.
    refusal: Option<RefusalObject>,
}

#[derive(Debug, Serialize, ToSchema)]
struct CheckObject {
    /// `status`, `expiry`, `account`, `model`, `ip`, `endpoint`, `hours`, `route`, `price`, `max_tokens_per_request` or
    /// `max_cost_per_request`.
    check: &'static str,
    passes: bool,
    /// Why it does not.
    detail: Option<String>,
}

impl From<Explanation> for ExplanationObject {
    fn from(explained: Explanation) -> Self {
        let verdict = Verdict {
            allowed: explained.refusal.is_none(),
            refusal: explained.refusal.map(|refusal| RefusalObject::from(refusal).without_trace()),
        };
        let check = |checked: Checked| CheckObject {
            check: checked.check,
            passes: checked.refusal.is_none(),
            detail: checked.refusal.map(|refusal| refusal.message),
        };
        Self {
            verdict,
            checks: explained.checks.into_iter().map(check).collect(),
            limits: explained.limits.into_iter().map(LimitObject::from).collect(),
        }
    }
}

/// Say what would become of a call, and why: every check and every limit that it would meet. Nothing is held.
#[utoipa::path(post, path = "/explain", tag = "explain", operation_id = "explain_call", request_body = CallFields,
    responses((status = 200, description = "What would become of it.", body = ExplanationObject), WriteFailures))]
pub async fn explain(
    Caller(by): Caller,
    State(gateway): State<Gateway>,
    Object(fields): Object,
) -> Result<Json<ExplanationObject>, Problem> {
    let CallFields { key_id, model, input_tokens, max_tokens, at, endpoint, ip } = fresh(fields)?;
    let endpoint = endpoint.unwrap_or_else(|| "/v1/chat/completions".to_owned());
    let asked = Question { key_id, model, endpoint, ip, input_tokens, max_tokens, at };
    Ok(Json(gateway.explain(&by, &asked).await?.into()))
}
