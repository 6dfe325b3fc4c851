use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

use super::ReplyBody;
use crate::metrics::{Component, Panics};

/// A panic costs its own request and nothing else: it is counted, its caller hears of it, and the connection lives on.
pub(super) async fn guarded(panics: &Panics, answer: impl Future<Output = Response<ReplyBody>>) -> Response<ReplyBody> {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|_| {
        panics.recovered(Component::Listener);
        let mut response = Response::new(bytes::Bytes::from_static(b"Internal Server Error").into());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Request;
    use http_body_util::{BodyExt, Empty};
    use hyper::body::Incoming;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use prometheus_client::encoding::prometheus_text;
    use prometheus_client::registry::Registry;

    use super::*;

    // rule: D-51
    #[tokio::test]
    async fn a_panic_is_counted_and_its_connection_lives_on() {
        let mut registry = Registry::default();
        let panics = Panics::register(&mut registry);
        let (ours, theirs) = tokio::io::duplex(4096);
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let panics = panics.clone();
                async move {
                    let answer = async {
                        assert!(request.uri().path() != "/panic", "as told");
                        Response::new(ReplyBody::from(bytes::Bytes::from_static(b"fine")))
                    };
                    Ok::<_, Infallible>(guarded(&panics, answer).await)
                }
            });
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service).await
        });
        let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours)).await.unwrap();
        tokio::spawn(connection);
        for (path, status, text) in [("/panic", 500, "Internal Server Error"), ("/", 200, "fine")] {
            let request = Request::get(path).body(Empty::<bytes::Bytes>::new()).unwrap();
            let response = client.send_request(request).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), text);
        }
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        assert!(text.contains(r#"ha_panic_recoveries_total{component="proxy_server"} 1"#), "{text}");
    }
}
