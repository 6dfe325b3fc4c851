use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// Where a backend is, and the part of the path that is always there.
#[derive(Debug, Clone)]
pub(super) struct Target {
    scheme: Scheme,
    authority: Authority,
    base_path: String,
    base_query: Option<String>,
}

impl Target {
    /// Reads `http://host:port/base?key=value`. `ws` and `grpc` are spoken over HTTP, `wss` and `grpcs` over HTTPS.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let parts = url.parse::<Uri>().ok()?.into_parts();
        let scheme = match parts.scheme?.as_str() {
            "http" | "ws" | "grpc" => Scheme::HTTP,
            "https" | "wss" | "grpcs" => Scheme::HTTPS,
            _ => return None,
        };
        let path_and_query = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Some(Self {
            scheme,
            authority: parts.authority?,
            base_path: path_and_query.path().trim_end_matches('/').to_owned(),
            base_query: path_and_query.query().map(str::to_owned),
        })
    }

    /// Host and port, as a name.
    pub(super) fn host(&self) -> &str {
        // What may stand in front of the host is a credential.
        self.authority.as_str().rsplit('@').next().unwrap_or_default()
    }

    /// The URL of a call. Of the relay's own URL only path and query count: gateways put whole URLs there, and whom to ask is
    /// not theirs to choose. `None` when it is no URL.
    pub(super) fn url(&self, relay_url: &str) -> Option<Uri> {
        let (path, query) = path_and_query(relay_url)?;
        let mut target = self.path(&path);
        let queries: Vec<&str> =
            self.base_query.as_deref().into_iter().chain(query).filter(|part| !part.is_empty()).collect();
        if !queries.is_empty() {
            target.push('?');
            target.push_str(&queries.join("&"));
        }
        Uri::builder().scheme(self.scheme.clone()).authority(self.authority.clone()).path_and_query(target).build().ok()
    }

    /// Base and relay path joined, unless the relay's path has the base in front already.
    fn path(&self, relay_path: &str) -> String {
        let base = self.base_path.as_str();
        let path = relay_path.trim_end_matches('/');
        let begins_with_base = path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let joined = match (base, path) {
            ("", _) => relay_path.to_owned(),
            (_, "") => base.to_owned(),
            _ if begins_with_base => relay_path.to_owned(),
            _ => format!("{base}{relay_path}"),
        };
        if joined.is_empty() { "/".to_owned() } else { joined }
    }
}

/// Path (cleaned, beginning with a slash) and query of a whole URL or of a bare path.
fn path_and_query(url: &str) -> Option<(String, Option<&str>)> {
    let url = url.split_once('#').map_or(url, |(before, _)| before);
    let after_host = match url.split_once("://") {
        Some((_, rest)) => rest.find(['/', '?']).map_or("", |at| &rest[at..]),
        None => url,
    };
    let (path, query) = match after_host.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (after_host, None),
    };
    Some((clean(path)?, query))
}

/// Drops empty and `.` segments and resolves `..`, which must not climb out of the base. Percent signs stay as they are:
/// `%2F` inside a segment is no slash.
fn clean(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            other => segments.push(other),
        }
    }
    let mut cleaned = String::with_capacity(path.len() + 1);
    for segment in &segments {
        cleaned.push('/');
        cleaned.push_str(segment);
    }
    if cleaned.is_empty() || path.ends_with('/') {
        cleaned.push('/');
    }
    Some(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_and_relay_path_are_joined_once() {
        let cases = [
            ("http://node:1", "", "http://node:1/"),
            ("http://node:1", "/", "http://node:1/"),
            ("http://node:1", "//", "http://node:1/"),
            ("http://node:1/", "https://supplier.example/v1/x?a=1", "http://node:1/v1/x?a=1"),
            ("http://node:1/base/", "/", "http://node:1/base"),
            ("http://node:1/base", "/x", "http://node:1/base/x"),
            ("http://node:1/base", "/base/x", "http://node:1/base/x"),
            ("http://node:1/base", "/basement", "http://node:1/base/basement"),
            ("http://node:1/base", "x/", "http://node:1/base/x/"),
            ("https://node/b?key=1", "/x?z=2&a=3", "https://node/b/x?key=1&z=2&a=3"),
            ("http://node:1", "/a/./b//c/../d", "http://node:1/a/b/d"),
            ("http://node:1", "/store/a%2Fb", "http://node:1/store/a%2Fb"),
            ("http://node:1", "wss://host?x=1#fragment", "http://node:1/?x=1"),
        ];
        for (base, relay, expected) in cases {
            let url = Target::parse(base).unwrap().url(relay).unwrap();
            assert_eq!(url.to_string(), expected, "{base} + {relay}");
        }
    }

    #[test]
    fn nobody_climbs_out_of_the_base() {
        let target = Target::parse("http://node:1/base").unwrap();
        for relay in ["/..", "/a/../../b", "/with space", "/\u{7f}"] {
            assert!(target.url(relay).is_none(), "{relay}");
        }
    }

    #[test]
    fn only_known_schemes_can_be_dialled() {
        for url in ["node:8545", "/path", "", "ftp://x"] {
            assert!(Target::parse(url).is_none(), "{url}");
        }
    }
}
