//! How limits and refusals look in answers: one shape for the logs, for explanations and for resets.

use crate::domain::limit::RuleRef;
use crate::domain::refusal::{Detail, Figure, Refusal};
use crate::domain::time::Time;
use crate::gateway::explain::Weighed;
use crate::gateway::limits::Standing;
use crate::gateway::reset::AfterReset;
use serde::Serialize;
use utoipa::ToSchema;

/// A limit and how it stands. Counts are numbers, credits decimal strings.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitObject {
    /// Whose calls it counts: `key`, `group`, `account`, `subscription` or `balance`.
    scope: &'static str,
    /// The field that sets it, such as `monthly_spend`.
    limit: String,
    /// `requests`, `tokens` or `credits`.
    measure: &'static str,
    /// `minute`, `day`, `week`, `month`, `cycle` or `lifetime`.
    period: String,
    #[schema(value_type = Value)]
    max: Figure,
    #[schema(value_type = Value)]
    used: Figure,
    /// By calls in flight.
    #[schema(value_type = Value)]
    held: Figure,
    /// What the call asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    requested: Option<Figure>,
    /// What is left.
    #[schema(value_type = Value)]
    headroom: Figure,
    /// Whether the call has room.
    #[serde(skip_serializing_if = "Option::is_none")]
    fits: Option<bool>,
    /// What a reset took off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    taken_off: Option<Figure>,
    /// When its period ends; `null` where it does not reset by itself.
    #[schema(value_type = Option<String>, format = DateTime)]
    resets_at: Option<Time>,
    /// The rule that sets it, where one does.
    rule: Option<RuleObject>,
}

/// A rule by its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct RuleObject {
    id: String,
    name: String,
}

/// Why a call was refused or failed. From `scope` on, only what applies.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct RefusalObject {
    #[schema(example = "quota_exceeded")]
    code: &'static str,
    message: String,
    /// The field of the request at fault, where one is.
    param: Option<String>,
    /// Of the limit that refused: `key`, `group`, `account`, `subscription` or `balance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    /// The field that set the limit, such as `monthly_spend`; `hours` for the hours of a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    /// `requests`, `tokens` or `credits`.
    #[serde(skip_serializing_if = "Option::is_none")]
    measure: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    max: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    used: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    held: Option<Figure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    requested: Option<Figure>,
    /// When its period ends; absent where it does not reset by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    resets_at: Option<Time>,
    /// The rule that set the limit or the hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleObject>,
    /// The zone of the rule's hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    /// When the rule's hours begin next.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    opens_at: Option<Time>,
    /// Every limit as the call met it, in the order consulted, where one of them refused it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace: Vec<LimitObject>,
}

impl From<Detail> for LimitObject {
    fn from(detail: Detail) -> Self {
        let total = detail.used.units().saturating_add(detail.held.units());
        let fits = total.saturating_add(detail.requested.units()) <= detail.max.units();
        Self {
            scope: detail.scope.as_str(),
            limit: detail.limit,
            measure: detail.measure.as_str(),
            period: detail.period,
            headroom: Figure::new(detail.measure, detail.max.units().saturating_sub(total).max(0)),
            max: detail.max,
            used: detail.used,
            held: detail.held,
            requested: Some(detail.requested),
            fits: Some(fits),
            taken_off: None,
            resets_at: detail.resets_at,
            rule: detail.rule.map(RuleObject::from),
        }
    }
}

impl From<Weighed> for LimitObject {
    fn from(weighed: Weighed) -> Self {
        Self { fits: Some(weighed.fits), ..Self::from(weighed.detail) }
    }
}

impl From<AfterReset> for LimitObject {
    fn from(after: AfterReset) -> Self {
        let headroom = after.standing.remaining();
        let AfterReset { standing: Standing { limit, reading, resets_at }, taken_off } = after;
        let figure = |value| Figure::new(limit.measure, value);
        Self {
            scope: limit.owner.scope.as_str(),
            limit: limit.name.to_owned(),
            measure: limit.measure.as_str(),
            period: limit.period.as_str().to_owned(),
            max: figure(limit.max),
            used: figure(reading.settled),
            held: figure(reading.held),
            requested: None,
            headroom: figure(headroom),
            fits: None,
            taken_off: Some(figure(taken_off)),
            resets_at,
            rule: limit.rule.map(RuleObject::from),
        }
    }
}

impl From<RuleRef> for RuleObject {
    fn from(rule: RuleRef) -> Self {
        Self { id: rule.id.0, name: rule.name }
    }
}

impl RefusalObject {
    /// Where every limit is told beside it.
    pub fn without_trace(self) -> Self {
        Self { trace: Vec::new(), ..self }
    }
}

impl From<Refusal> for RefusalObject {
    fn from(refusal: Refusal) -> Self {
        let mut object = Self {
            code: refusal.code.as_str(),
            message: refusal.message,
            param: refusal.param,
            trace: refusal.trace.into_iter().map(LimitObject::from).collect(),
            ..Self::default()
        };
        if let Some(detail) = refusal.detail {
            object.scope = Some(detail.scope.as_str());
            object.limit = Some(detail.limit);
            object.measure = Some(detail.measure.as_str());
            object.period = Some(detail.period);
            object.max = Some(detail.max);
            object.used = Some(detail.used);
            object.held = Some(detail.held);
            object.requested = Some(detail.requested);
            object.resets_at = detail.resets_at;
            object.rule = detail.rule.map(RuleObject::from);
        }
        if let Some(closed) = refusal.closed {
            object.scope = Some("key");
            object.limit = Some("hours".to_owned());
            object.rule = Some(closed.rule.into());
            object.timezone = Some(closed.timezone);
            object.opens_at = closed.opens_at;
        }
        object
    }
}
