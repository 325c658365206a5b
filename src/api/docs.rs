//! `/docs`: the OpenAPI document as a page to read. It runs no script and needs no other file than the console's style.

use super::openapi;
use crate::assets;
use axum::response::{Html, IntoResponse, Response};
use http::header::CONTENT_SECURITY_POLICY;
use serde_json::Value;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Written once: neither the document nor the name of the style changes while the process lives.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    let document = serde_json::to_value(openapi()).unwrap_or_default();
    written(&document, &assets::names().css)
});

/// Public, as the document is.
pub async fn page() -> Response {
    ([(CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'self'")], Html(PAGE.as_str())).into_response()
}

fn written(document: &Value, css: &str) -> String {
    let info = &document["info"];
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"{css}\"></head>\
         <body><main class=\"docs\"><h1>{title} {version}</h1><p>{about}</p>\
         <p><a href=\"/api/v1/openapi.json\">The same for programs (OpenAPI)</a></p>",
        title = text(&info["title"]),
        version = text(&info["version"]),
        about = text(&info["description"]),
    );
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            operation_section(&mut page, path, method, operation);
        }
    }
    page += "<h2>Objects</h2>";
    for (name, schema) in members(&document["components"]["schemas"]) {
        _ = write!(page, "<section id=\"{0}\"><h3>{0}</h3><p>{1}</p>", escaped(name), text(&schema["description"]));
        fields(&mut page, schema);
        page += "</section>";
    }
    page + "</main></body></html>"
}

fn operation_section(page: &mut String, path: &str, method: &str, operation: &Value) {
    let (method, path) = (method.to_uppercase(), escaped(path));
    _ = write!(page, "<section><h2><code>{method} {path}</code></h2><p>{}</p>", text(&operation["summary"]));
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !parameters.is_empty() {
        page.push_str("<table><caption>Parameters</caption>");
        for parameter in parameters {
            row(page, &text(&parameter["name"]), &text(&parameter["in"]), &text(&parameter["description"]));
        }
        page.push_str("</table>");
    }
    if operation["requestBody"].is_object() {
        let body = kind(&operation["requestBody"]["content"]["application/json"]["schema"]);
        _ = write!(page, "<p>Body: {body}</p>");
    }
    page.push_str("<table><caption>Answers</caption>");
    for (status, answer) in members(&operation["responses"]) {
        let body = kind(&answer["content"]["application/json"]["schema"]);
        row(page, &escaped(status), &body, &text(&answer["description"]));
    }
    page.push_str("</table></section>");
}

fn fields(page: &mut String, schema: &Value) {
    if !schema["properties"].is_object() {
        _ = write!(page, "<p>{}</p>", kind(schema));
        return;
    }
    page.push_str("<table>");
    for (name, field) in members(&schema["properties"]) {
        row(page, &escaped(name), &kind(field), &text(&field["description"]));
    }
    page.push_str("</table>");
}

fn row(page: &mut String, name: &str, kind: &str, description: &str) {
    _ = write!(page, "<tr><th scope=\"row\"><code>{name}</code></th><td>{kind}</td><td>{description}</td></tr>");
}

/// A schema in a few words, with links to those that have a name.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escaped(name));
    }
    let variants = ["oneOf", "allOf", "anyOf"].iter().find_map(|word| schema[word].as_array());
    match (&schema["type"], variants) {
        (_, Some(variants)) => variants.iter().map(kind).collect::<Vec<_>>().join(" or "),
        (Value::String(array), _) if array == "array" => format!("list of {}", kind(&schema["items"])),
        (Value::String(word), _) => escaped(word),
        (Value::Array(words), _) => {
            let words = words.iter().map(|word| match word.as_str() {
                Some("array") => format!("list of {}", kind(&schema["items"])),
                _ => text(word),
            });
            words.collect::<Vec<_>>().join(" or ")
        }
        _ => String::new(),
    }
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
