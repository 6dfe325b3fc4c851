use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// Where a backend is, and the part of the path that is always there.
#[derive(Clone)]
pub(super) struct Target {
    scheme: Scheme,
    authority: Authority,
    base_path: String,
    base_query: Option<String>,
    /// User and password of the URL.
    user: Option<(String, String)>,
}

// Path, query and user may be credentials.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}://{}/…)", self.scheme, self.authority)
    }
}

impl Target {
    /// Reads `http://user:password@host:port/base?key=value` or a bare `host:port`. `ws` and `grpc` are spoken over HTTP, `wss`
    /// and `grpcs` over HTTPS. A `base_path` stands in place of the URL's own path.
    pub(super) fn parse(url: &str, base_path: Option<&str>) -> Option<Self> {
        let parts = url.parse::<Uri>().ok()?.into_parts();
        let scheme = match parts.scheme.as_ref().map(Scheme::as_str) {
            Some("http" | "ws" | "grpc") => Scheme::HTTP,
            Some("https" | "wss" | "grpcs") => Scheme::HTTPS,
            None if parts.authority.as_ref()?.port().is_some() => Scheme::HTTP,
            _ => return None,
        };
        let path_and_query = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        let authority = parts.authority?;
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user.split_once(':').unwrap_or((user, ""))), host),
            None => (None, authority.as_str()),
        };
        let base_path = base_path.unwrap_or(path_and_query.path());
        Some(Self {
            scheme,
            user: user.map(|(name, password)| (name.to_owned(), password.to_owned())),
            authority: host.parse().ok()?,
            base_path: clean(base_path)?.trim_end_matches('/').to_owned(),
            base_query: path_and_query.query().map(str::to_owned),
        })
    }

    /// Scheme, host and port: all that people may see. The rest can hold credentials.
    pub(super) fn site(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// Host and port.
    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Whether it is spoken to through TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// User and password that stand in the URL.
    pub(super) fn user(&self) -> Option<(&str, &str)> {
        self.user.as_ref().map(|(name, password)| (name.as_str(), password.as_str()))
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

    // rule: D-15, R-07
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
            let url = Target::parse(base, None).unwrap().url(relay).unwrap();
            assert_eq!(url.to_string(), expected, "{base} + {relay}");
        }
    }

    // rule: D-15
    #[test]
    fn nobody_climbs_out_of_the_base() {
        let target = Target::parse("http://node:1/base", None).unwrap();
        for relay in ["/..", "/a/../../b", "/with space", "/\u{7f}"] {
            assert!(target.url(relay).is_none(), "{relay}");
        }
    }

    #[test]
    fn only_known_schemes_can_be_dialled() {
        for url in ["node", "/path", "", "ftp://x"] {
            assert!(Target::parse(url, None).is_none(), "{url}");
        }
        for (url, expected) in [("grpc://node:1", "http"), ("grpcs://node", "https"), ("wss://node", "https")] {
            assert_eq!(Target::parse(url, None).unwrap().url("/").unwrap().scheme_str(), Some(expected));
        }
        let bare = Target::parse("127.0.0.1:50051", None).unwrap();
        assert_eq!(bare.url("/a.b/C").unwrap().to_string(), "http://127.0.0.1:50051/a.b/C");
    }

    #[test]
    fn a_base_path_replaces_that_of_the_url() {
        let target = Target::parse("http://node:1/old?key=1", Some("/new/")).unwrap();
        assert_eq!(target.url("/x").unwrap().to_string(), "http://node:1/new/x?key=1");
        assert_eq!(target.url("/new/x").unwrap().to_string(), "http://node:1/new/x?key=1");
        assert!(Target::parse("http://node:1", Some("/../x")).is_none());
    }

    #[test]
    fn what_is_secret_in_a_url_is_not_shown() {
        let target = Target::parse("http://me:hunter2@node:1/hunter2?key=hunter2", None).unwrap();
        assert_eq!((target.user(), target.authority().as_str()), (Some(("me", "hunter2")), "node:1"));
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}
