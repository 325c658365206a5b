//! Finding anything by a part of its name.

use super::Gateway;
use crate::domain::account::Account;
use crate::domain::problem::Problem;
pub use crate::store::find::Named;

impl Gateway {
    /// Keys, groups and rules that this account may see and whose name contains `part`: at most `most` of each, those
    /// that begin with it first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find(&self, by: &Account, part: &str, most: u32) -> Result<Vec<Named>, Problem> {
        let own = (!by.is_admin()).then_some(&by.id);
        Ok(self.0.store.find(own, part, most).await?)
    }
}
