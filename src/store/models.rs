//! Models, their prices and routes.

use super::{Store, StoreError, Tx, bigint, count, list_text, on, on_tx, read_json};
use crate::domain::model::{Model, Route};
use std::collections::HashMap;

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    display_name: String,
    context_length: Option<i64>,
    max_output_tokens: Option<i64>,
    capabilities: String,
    fallbacks: String,
    enabled: bool,
}

#[derive(sqlx::FromRow)]
struct RouteRow {
    model: String,
    provider_id: String,
    upstream_model: String,
    weight: i64,
    priority: i64,
}

impl Store {
    /// Writes a model, new or known by its name, with all its routes. Its price is a row of its own.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] where a route names a provider that does not exist.
    pub async fn save_model(tx: &mut Tx, model: &Model) -> Result<(), StoreError> {
        let sql = "insert into models (name, display_name, context_length, max_output_tokens, capabilities, enabled,
                       fallbacks)
                   values ($1, $2, $3, $4, $5, $6, $7)
                   on conflict (name) do update
                   set display_name = excluded.display_name, context_length = excluded.context_length,
                       max_output_tokens = excluded.max_output_tokens, capabilities = excluded.capabilities,
                       enabled = excluded.enabled, fallbacks = excluded.fallbacks";
        on_tx!(tx, db => sqlx::query(sql)
            .bind(&model.name)
            .bind(&model.display_name)
            .bind(model.context_length.map(bigint))
            .bind(model.max_output_tokens.map(bigint))
            .bind(list_text(&model.capabilities))
            .bind(model.enabled)
            .bind(list_text(&model.fallbacks))
            .execute(db)
            .await
            .map(drop))?;
        on_tx!(tx, db => sqlx::query("delete from routes where model = $1").bind(&model.name).execute(db).await.map(drop))?;
        let sql = "insert into routes (model, place, provider_id, upstream_model, weight, priority)
                   values ($1, $2, $3, $4, $5, $6)";
        for (place, route) in (0_i64..).zip(&model.routes) {
            on_tx!(tx, db => sqlx::query(sql)
                .bind(&model.name)
                .bind(place)
                .bind(route.provider_id.as_str())
                .bind(&route.upstream_model)
                .bind(i64::from(route.weight))
                .bind(i64::from(route.priority))
                .execute(db)
                .await
                .map(drop))?;
        }
        Ok(())
    }

    /// `false` if there was none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_model(tx: &mut Tx, name: &str) -> Result<bool, StoreError> {
        let sql = "delete from models where name = $1";
        let rows = on_tx!(tx, db => sqlx::query(sql).bind(name).execute(db).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// All models with their routes, by name, without their prices: which is in force is the clock's to say.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn models(&self) -> Result<Vec<Model>, StoreError> {
        let sql = "select model, provider_id, upstream_model, weight, priority from routes order by model, place";
        let rows: Vec<RouteRow> = on!(self.read(), db => sqlx::query_as(sql).fetch_all(db).await)?;
        let mut routes: HashMap<String, Vec<Route>> = HashMap::new();
        for row in rows {
            let small = |value: i64| u32::try_from(value).unwrap_or(0);
            routes.entry(row.model).or_default().push(Route {
                provider_id: row.provider_id.into(),
                upstream_model: row.upstream_model,
                weight: small(row.weight),
                priority: small(row.priority),
            });
        }
        let sql = "select name, display_name, context_length, max_output_tokens, capabilities, enabled, fallbacks
                   from models order by name";
        let rows: Vec<Row> = on!(self.read(), db => sqlx::query_as(sql).fetch_all(db).await)?;
        rows.into_iter()
            .map(|row| {
                Ok(Model {
                    price: None,
                    price_version: 0,
                    routes: routes.remove(&row.name).unwrap_or_default(),
                    name: row.name,
                    display_name: row.display_name,
                    context_length: row.context_length.map(count),
                    max_output_tokens: row.max_output_tokens.map(count),
                    capabilities: read_json("models.capabilities", &row.capabilities)?,
                    fallbacks: read_json("models.fallbacks", &row.fallbacks)?,
                    enabled: row.enabled,
                })
            })
            .collect()
    }
}
