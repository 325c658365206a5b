//! What the browser downloads, embedded in the binary: the console's WASM, its script and style, and the public files.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::Path as UrlPath;
use axum::response::Response;
use axum::routing::get;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rust_embed::{Embed, EmbeddedFile};

/// `cargo xtask assets` makes the folder; `build.rs` watches it. Without it the binary serves the site root on disk.
#[derive(Embed)]
#[folder = "target/assets"]
#[allow_missing = true]
struct Embedded;

/// The list that xtask leaves beside the files: what each is called in this build.
const MANIFEST: &str = "manifest.json";

/// The URL paths that the shell puts in a page's head.
#[derive(Debug, serde::Deserialize)]
pub struct Names {
    pub js: String,
    pub wasm: String,
    pub css: String,
    /// The script of the worker that warms the WASM, where the build tool made it; empty in quick builds.
    #[serde(default)]
    pub worker: Option<String>,
    /// A page -> the parts of the WASM that it needs beside the one that all need.
    #[serde(default)]
    pub pages: HashMap<String, Vec<String>>,
}

/// Hashed names where the assets are embedded; cargo-leptos's plain ones under `cargo leptos watch`.
pub fn names() -> &'static Names {
    static NAMES: LazyLock<Names> = LazyLock::new(|| Source::of_this_process().names());
    &NAMES
}

/// Serves `/pkg/*` and the public files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    serve(Source::of_this_process())
}

#[derive(Clone)]
enum Source {
    Embedded,
    /// The folder that `cargo leptos watch` writes to.
    Site(PathBuf),
}

fn serve<S: Clone + Send + Sync + 'static>(source: Source) -> Router<S> {
    let public = source.public_files();
    let source = Arc::new(source);
    let hashed = Arc::clone(&source);
    let packages = get(async move |UrlPath(path): UrlPath<String>, headers: HeaderMap| {
        answer(&hashed, &format!("pkg/{path}"), &headers)
    });
    public.into_iter().fold(Router::new().route("/pkg/{*path}", packages), |router, path| {
        let source = Arc::clone(&source);
        router.route(&format!("/{path}"), get(async move |headers: HeaderMap| answer(&source, &path, &headers)))
    })
}

fn answer(source: &Source, path: &str, asked: &HeaderMap) -> Response {
    let mut response = Response::default();
    let head = response.headers_mut();
    head.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let Some((encoding, file)) = source.negotiated(path, asked) else {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let is_known = listed(asked, &IF_NONE_MATCH).any(|known| known == "*" || known.trim_start_matches("W/") == tag);
    head.insert(CACHE_CONTROL, HeaderValue::from_static(source.caching(path)));
    head.insert(VARY, HeaderValue::from_static("accept-encoding"));
    head.insert(ETAG, HeaderValue::try_from(tag).expect("hex digits in quotes are a header"));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    head.insert(CONTENT_TYPE, content_type(path));
    if let Some(encoding) = encoding {
        head.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    *response.body_mut() = match file.data {
        Cow::Borrowed(bytes) => Body::from(bytes),
        Cow::Owned(bytes) => Body::from(bytes),
    };
    response
}

impl Source {
    fn of_this_process() -> Self {
        let watched = std::env::var_os("LEPTOS_WATCH").is_some();
        if !watched && Embedded::get(MANIFEST).is_some() {
            return Self::Embedded;
        }
        Self::Site(std::env::var_os("LEPTOS_SITE_ROOT").map_or_else(|| "target/site".into(), PathBuf::from))
    }

    fn names(&self) -> Names {
        let listed = match self {
            Self::Embedded => Embedded::get(MANIFEST),
            Self::Site(_) => None,
        };
        listed.map_or_else(
            || Names {
                js: "/pkg/tollgate.js".into(),
                wasm: "/pkg/tollgate.wasm".into(),
                css: "/pkg/tollgate.css".into(),
                worker: None,
                pages: HashMap::new(),
            },
            |file| serde_json::from_slice(&file.data).expect("xtask writes these names"),
        )
    }

    /// Every file that has its own URL outside `/pkg`.
    fn public_files(&self) -> Vec<String> {
        let mut paths = match self {
            Self::Embedded => Embedded::iter().map(Cow::into_owned).collect(),
            Self::Site(root) => files_below(root, ""),
        };
        paths.retain(|path| !path.starts_with("pkg/") && path != MANIFEST && !is_twin(path));
        paths
    }

    /// The smallest form that the caller takes: brotli, gzip, or the file as it is.
    fn negotiated(&self, path: &str, asked: &HeaderMap) -> Option<(Option<&'static str>, EmbeddedFile)> {
        if is_twin(path) {
            return None;
        }
        let packed = [("br", "br"), ("gzip", "gz")].into_iter().find_map(|(encoding, ending)| {
            let twin = accepts(asked, encoding).then(|| self.get(&format!("{path}.{ending}"))).flatten()?;
            Some((Some(encoding), twin))
        });
        packed.or_else(|| Some((None, self.get(path)?)))
    }

    /// On disk only while developing, so a blocking read does no harm.
    fn get(&self, path: &str) -> Option<EmbeddedFile> {
        match self {
            Self::Embedded => Embedded::get(path),
            Self::Site(root) => {
                let stays_inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
                let path = stays_inside.then(|| root.join(path)).filter(|path| path.is_file())?;
                rust_embed::utils::read_file_from_fs(&path).ok()
            }
        }
    }

    fn caching(&self, path: &str) -> &'static str {
        match self {
            Self::Embedded if path.starts_with("pkg/") => "public, max-age=31536000, immutable",
            Self::Embedded => "public, max-age=3600",
            Self::Site(_) => "no-cache",
        }
    }
}

/// Compressed twins are reached through `accept-encoding` alone.
fn is_twin(path: &str) -> bool {
    path.ends_with(".br") || path.ends_with(".gz")
}

fn content_type(path: &str) -> HeaderValue {
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let charset = if mime.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
    HeaderValue::try_from(format!("{}{charset}", mime.essence_str())).expect("a media type is a header")
}

/// RFC 9110, 12.5.3: the coding's own weight, else that of `*`, else not wanted.
fn accepts(asked: &HeaderMap, encoding: &str) -> bool {
    let weight = |name: &str| {
        listed(asked, &ACCEPT_ENCODING).find_map(|coding| {
            let (coding, parameters) = coding.split_once(';').unwrap_or((coding, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse().ok());
            coding.trim().eq_ignore_ascii_case(name).then_some(weight.unwrap_or(0.0_f32))
        })
    };
    weight(encoding).or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// The elements of a list header, over all its lines.
fn listed<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
}

fn files_below(folder: &Path, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| {
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() { files_below(&entry.path(), &format!("{path}/")) } else { vec![path] }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;

    fn site() -> tempfile::TempDir {
        let site = tempfile::tempdir().unwrap();
        std::fs::create_dir(site.path().join("pkg")).unwrap();
        for (path, text) in [
            ("pkg/tollgate.wasm", "plain"),
            ("pkg/tollgate.wasm.br", "brotli"),
            ("pkg/tollgate.wasm.gz", "gzip"),
            ("pkg/tollgate.js", "script"),
            ("favicon.svg", "<svg/>"),
            ("manifest.webmanifest", "{}"),
        ] {
            std::fs::write(site.path().join(path), text).unwrap();
        }
        site
    }

    async fn ask(method: &str, url: &str, header: (HeaderName, &str)) -> (StatusCode, HeaderMap, String) {
        let site = site();
        let request =
            Request::builder().method(method).uri(url).header(header.0, header.1).body(Body::empty()).unwrap();
        let response = serve::<()>(Source::Site(site.path().into())).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn the_smallest_form_that_the_browser_takes_is_sent() {
        for (accepted, body) in [
            ("gzip, deflate, br, zstd", "brotli"),
            ("br;q=0, gzip;q=0.5", "gzip"),
            ("*", "brotli"),
            ("GZIP", "gzip"),
            ("identity", "plain"),
            ("*;q=0", "plain"),
            ("", "plain"),
        ] {
            let (_, headers, got) = ask("GET", "/pkg/tollgate.wasm", (ACCEPT_ENCODING, accepted)).await;
            assert_eq!(got, body, "{accepted}");
            let named = headers.get(CONTENT_ENCODING).map(|name| name.to_str().unwrap());
            assert_eq!(named, (body != "plain").then_some(if body == "gzip" { "gzip" } else { "br" }));
            assert_eq!(headers[VARY], "accept-encoding");
            assert_eq!(headers[CONTENT_TYPE], "application/wasm");
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
    }

    #[tokio::test]
    async fn types_are_named_as_browsers_want_them() {
        for (url, named) in [
            ("/pkg/tollgate.js", "text/javascript; charset=utf-8"),
            ("/favicon.svg", "image/svg+xml"),
            ("/manifest.webmanifest", "application/manifest+json"),
        ] {
            let (status, headers, _) = ask("GET", url, (ACCEPT_ENCODING, "br")).await;
            assert_eq!((status, headers[CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, named));
        }
    }

    #[tokio::test]
    async fn a_known_file_is_not_sent_again() {
        let (_, headers, _) = ask("GET", "/favicon.svg", (ACCEPT_ENCODING, "br")).await;
        let tag = headers[ETAG].to_str().unwrap();
        for known in [tag.to_owned(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let (status, headers, body) = ask("GET", "/favicon.svg", (IF_NONE_MATCH, &known)).await;
            assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
            assert_eq!(headers[ETAG], tag);
        }
        let (status, _, _) = ask("GET", "/favicon.svg", (IF_NONE_MATCH, "\"other\"")).await;
        assert_eq!(status, StatusCode::OK);
    }

    #[tokio::test]
    async fn head_tells_the_length_and_sends_nothing() {
        let (status, headers, body) = ask("HEAD", "/pkg/tollgate.wasm", (ACCEPT_ENCODING, "br")).await;
        assert_eq!((status, headers["content-length"].to_str().unwrap(), body.as_str()), (StatusCode::OK, "6", ""));
    }

    #[tokio::test]
    async fn nothing_else_is_found() {
        for url in ["/pkg/absent.js", "/pkg/tollgate.wasm.br", "/pkg/%2e%2e/favicon.svg", "/pkg/..%2ffavicon.svg", "/x"]
        {
            let (status, _, body) = ask("GET", url, (ACCEPT_ENCODING, "br")).await;
            assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, ""), "{url}");
        }
    }

    #[test]
    fn only_names_that_carry_a_hash_are_kept_for_ever() {
        assert!(Source::Embedded.caching("pkg/tollgate.1a2b.js").ends_with("immutable"));
        assert_eq!(Source::Embedded.caching("favicon.svg"), "public, max-age=3600");
        assert_eq!(Source::Site("site".into()).caching("pkg/tollgate.js"), "no-cache");
    }
}
