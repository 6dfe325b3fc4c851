use proptest::prelude::*;

use super::*;

fn at(host: &str, port: u16) -> Endpoint {
    Endpoint { host: host.into(), port }
}

fn good(text: &str) -> RedisUrl {
    RedisUrl::parse(text).unwrap_or_else(|error| panic!("{text} {error}"))
}

fn login(user: Option<&str>, password: Option<&str>) -> Login {
    Login { user: user.map(str::to_owned), password: password.map(str::to_owned) }
}

#[test]
fn one_server() {
    let plain = good("redis://h:7000/3");
    assert_eq!((plain.form, plain.tls, plain.database), (Form::Server(at("h", 7000)), false, 3));
    let secret = good("rediss://me:p%40ss@h");
    assert_eq!(
        (secret.form, secret.tls, secret.login),
        (Form::Server(at("h", 6379)), true, login(Some("me"), Some("p@ss")))
    );
    assert_eq!(good("redis://:pw@[::1]:7").form, Form::Server(at("::1", 7)));
    assert_eq!(good("unix:///run/redis.sock").form, Form::Socket("/run/redis.sock".into()));
    assert!(good("valkeys://h").tls && !good("valkey://h").tls);
}

#[test]
fn sentinels() {
    let url = good("redis-sentinel://:pw@a:26000,b,[::2]:7/mymaster?db=2");
    let sentinels = vec![at("a", 26000), at("b", 26379), at("::2", 7)];
    assert_eq!(url.form, Form::Sentinel { sentinels, name: "mymaster".into() });
    assert_eq!((url.database, url.login, url.tls), (2, login(None, Some("pw")), false));
    let secret = good("rediss-sentinel://me:a%2Fb%3A@h/x.y_z-1");
    assert_eq!((secret.tls, secret.login), (true, login(Some("me"), Some("a/b:"))));
}

#[test]
fn clusters() {
    let url = good("redis-cluster://me:pw@a:7000, b:7001,[::1]");
    assert_eq!(url.form, Form::Cluster { seeds: vec![at("a", 7000), at("b", 7001), at("::1", 6379)] });
    assert_eq!(url.login, login(Some("me"), Some("pw")));
    assert!(good("rediss-cluster://a/0").tls);
    assert!(!good("redis-cluster://a/?db=0").tls);
}

#[test]
fn errors_say_what_to_write_and_no_password() {
    for (text, advice) in [
        ("localhost:6379", "redis://host:port"),
        ("http://hunter2@h", "must begin with"),
        ("redis://:hunter2@a:1,b:2", "redis-sentinel://"),
        ("redis://:hunter2@", "redis://[[user]:password@]host"),
        ("redis://:hunter2@h/notadatabase", "/database"),
        ("redis://:hunter2@h#insecure", "caFile"),
        ("redis-sentinel://:hunter2@a:1", "mymaster"),
        ("redis-sentinel://:hunter2@a:1/my/2", "?db="),
        ("redis-sentinel://:hunter2@a:1/m?database=2", "only db="),
        ("redis-sentinel://:hunter2@a:1/m?db=x", "number as database"),
        ("redis-sentinel://:hunter2@a:1,,b/m", "empty place"),
        ("redis-sentinel:///m", "empty place"),
        ("redis-sentinel://hunter2@a/m", ":password@"),
        ("redis-sentinel://:hun/ter2@a/m", "%2F"),
        ("redis-cluster://:hun?ter2@a", "%3F"),
        ("redis-sentinel://a:99999/m", "host:port"),
        ("redis-cluster://:hunter2@a/1", "only number 0"),
        ("redis-cluster://:hunter2@a?db=1", "only number 0"),
        ("redis-cluster://", "empty place"),
    ] {
        let error = RedisUrl::parse(text).unwrap_err();
        assert!(error.contains(advice), "{text}: {error}");
        assert!(!error.contains("hun") && !error.contains("ter2"), "{error}");
    }
}

#[test]
fn what_is_shown_names_hosts_only() {
    for text in ["redis://me:hunter2@h:1/2", "redis-sentinel://me:hunter2@a,b/x", "rediss-cluster://me:hunter2@a,b"] {
        let url = good(text);
        for shown in [url.to_string(), format!("{url:?}")] {
            assert!(!shown.contains("hunter2") && !shown.contains("me"), "{shown}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_panics_or_leaks(scheme in "rediss?(-sentinel|-cluster)?", rest in "[a-z0-9:@,/?=&%\\[\\].#-]{0,40}") {
        let text = format!("{scheme}://user:s3cr3tw0rd@{rest}");
        let shown = match RedisUrl::parse(&text) {
            Ok(url) => format!("{url} {url:?}"),
            Err(error) => error,
        };
        prop_assert!(!shown.contains("s3cr3tw0rd"), "{shown}");
    }

    #[test]
    fn lists_are_read_whole(hosts in prop::collection::vec(("[a-z][a-z0-9.-]{0,12}[a-z]", 1u16..), 1..6)) {
        let text = hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>().join(",");
        let expected: Vec<Endpoint> = hosts.iter().map(|(host, port)| at(host, *port)).collect();
        let cluster = good(&format!("redis-cluster://{text}"));
        prop_assert_eq!(&cluster.form, &Form::Cluster { seeds: expected.clone() });
        let sentinel = good(&format!("redis-sentinel://{text}/m"));
        prop_assert_eq!(&sentinel.form, &Form::Sentinel { sentinels: expected, name: "m".into() });
    }
}
