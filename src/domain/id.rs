//! The opaque names by which rows are known: text, made once, never read for meaning.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// Names an account.
    AccountId
    /// Names a call; the `x-request-id` of its answer.
    CallId
    /// Names a group.
    GroupId
    /// Names a key; survives the rotation of its secret.
    KeyId
    /// Names a provider.
    ProviderId
    /// Names a management token.
    ManagementTokenId
    /// Names a quota rule.
    RuleId
}
