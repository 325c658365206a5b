//! Versions of prices. Rows are added and never changed.

use super::{Store, StoreError, Tx, count, json, on, on_tx, read_json};
use crate::domain::id::AccountId;
use crate::domain::price::version::PriceVersion;
use crate::domain::time::Time;

#[derive(sqlx::FromRow)]
struct Row {
    model: String,
    version: i64,
    starts_at: i64,
    price: Option<String>,
    source: String,
    created_by: Option<String>,
    created_at: i64,
}

impl TryFrom<Row> for PriceVersion {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(PriceVersion {
            model: row.model,
            version: count(row.version),
            starts_at: Time::from_micros(row.starts_at),
            price: row.price.as_deref().map(|text| read_json("price_versions.price", text)).transpose()?,
            source: row.source,
            created_by: row.created_by.map(AccountId),
            created_at: Time::from_micros(row.created_at),
        })
    }
}

impl Store {
    /// Adds a version, whose number is the next of its model whatever it says: that number.
    ///
    /// # Errors
    /// [`StoreError::Taken`] where another was added at the same moment.
    pub async fn add_price_version(tx: &mut Tx, version: &PriceVersion) -> Result<u64, StoreError> {
        let sql = "insert into price_versions (model, version, starts_at, price, source, created_by, created_at)
                   select cast($1 as text), coalesce(max(version), 0) + 1, cast($2 as bigint), cast($3 as text),
                          cast($4 as text), cast($5 as text), cast($6 as bigint)
                   from price_versions where model = $1
                   returning version";
        let (number,): (i64,) = on_tx!(tx, db => sqlx::query_as(sql)
            .bind(&version.model)
            .bind(version.starts_at.micros())
            .bind(version.price.as_ref().map(json))
            .bind(&version.source)
            .bind(version.created_by.as_ref().map(AccountId::as_str))
            .bind(version.created_at.micros())
            .fetch_one(db)
            .await)?;
        Ok(count(number))
    }

    /// All versions of one model or of all, by model, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn price_versions(&self, model: Option<&str>) -> Result<Vec<PriceVersion>, StoreError> {
        let sql = "select model, version, starts_at, price, source, created_by, created_at from price_versions
                   where cast($1 as text) is null or model = $1
                   order by model, version";
        let rows: Vec<Row> = on!(self.read(), db => sqlx::query_as(sql).bind(model).fetch_all(db).await)?;
        rows.into_iter().map(PriceVersion::try_from).collect()
    }
}
