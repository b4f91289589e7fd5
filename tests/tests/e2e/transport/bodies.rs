//! Bodies: their types, their size, their speed.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use phoneproof_tests::{Actor, Answer, TestApp};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NUMBERS: &str = "/v1/me/phone_numbers";
const LIMIT: usize = 64 * 1024;

async fn posted(user: &Actor, content_type: Option<&str>, body: impl Into<Body>) -> Answer {
    let request = user.request(Method::POST, NUMBERS).body(body);
    user.send(match content_type {
        Some(content_type) => request.header("content-type", content_type),
        None => request,
    })
    .await
}

/// Sends bytes over a connection of their own and reads one answer with a JSON body. The connection
/// stays open: the server must not wait for its end.
#[expect(clippy::unwrap_used, reason = "a server that does not answer has failed the test")]
async fn raw(app: &TestApp, sent: &[u8]) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    // One answer ends with its JSON object.
    while !answer.ends_with(b"}") {
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(read > 0, "hung up after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&buffer[..read]);
    }
    (stream, String::from_utf8(answer).unwrap())
}

#[expect(clippy::unwrap_used, reason = "an answer of another shape has failed the test")]
#[track_caller]
fn is_raw_error(answer: &str, status: u16, code: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["errors"][0]["code"], code, "{answer}");
    let trace_id = body["clerk_trace_id"].as_str().unwrap();
    assert!(head.contains(&format!("x-request-id: {trace_id}")), "{answer}");
    assert!(head.contains("content-type: application/json\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_and_json_are_read_and_nothing_else() {
    let app = TestApp::spawn().await;
    let form = "phone_number=%2B14155552671";
    for (at, content_type) in [
        Some("application/x-www-form-urlencoded"),
        Some("application/x-www-form-urlencoded; charset=UTF-8"),
        Some("Application/X-WWW-Form-URLencoded"),
        None,
    ]
    .into_iter()
    .enumerate()
    {
        let added = posted(&app.user(&format!("user_f{at}")), content_type, form).await;
        assert_eq!(added.response()["phone_number"], "+14155552671", "{content_type:?}");
    }
    for (at, content_type) in [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
    ]
    .into_iter()
    .enumerate()
    {
        let user = app.user(&format!("user_j{at}"));
        let added = posted(&user, Some(content_type), r#"{"phone_number":"+14155552671"}"#).await;
        assert_eq!(added.response()["phone_number"], "+14155552671", "{content_type}");
    }
    let user = app.user("user_a");
    for content_type in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonx",
        "json",
        ";",
    ] {
        let refused = posted(&user, Some(content_type), form).await;
        if content_type == ";" {
            // No type at all: read as a form, as the SDK's bare POSTs are.
            let _ = refused.response();
        } else {
            refused.is_error(415, "unsupported_content_type");
        }
    }
    // What is empty has no type.
    posted(&user, Some("text/plain"), "")
        .await
        .is_error(422, "form_param_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_have_64_kib_and_not_a_byte_more() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let padded = |length: usize| {
        let start = "phone_number=%2B14155552671&x=";
        format!("{start}{}", "x".repeat(length - start.len()))
    };
    let form = Some("application/x-www-form-urlencoded");
    let streamed = |text: String| {
        let chunks: Vec<Result<Vec<u8>, std::io::Error>> =
            text.as_bytes().chunks(1_000).map(|chunk| Ok(chunk.to_vec())).collect();
        Body::wrap_stream(futures_util::stream::iter(chunks))
    };
    posted(&user, form, padded(LIMIT + 1))
        .await
        .is_error(413, "request_body_too_large");
    posted(&user, form, streamed(padded(LIMIT + 1)))
        .await
        .is_error(413, "request_body_too_large");
    assert_eq!(user.get(NUMBERS).await.resource(), &json!([]));
    let _ = posted(&user, form, padded(LIMIT)).await.response();
    let _ = posted(&app.user("user_b"), form, streamed(padded(LIMIT)))
        .await
        .response();
}

#[expect(clippy::unwrap_used, reason = "writing to memory does not fail")]
fn gzipped(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

async fn coded(user: &Actor, coding: &str, body: Vec<u8>) -> Answer {
    let request = user
        .request(Method::POST, NUMBERS)
        .header("content-type", "application/x-www-form-urlencoded");
    user.send(request.header("content-encoding", coding).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_read_as_if_it_were_not() {
    let app = TestApp::spawn().await;
    let form = "phone_number=%2B14155552671";
    for (at, coding) in ["gzip", "GZIP", "x-gzip", "identity, gzip"].into_iter().enumerate() {
        let added = coded(&app.user(&format!("user_g{at}")), coding, gzipped(form.as_bytes())).await;
        assert_eq!(added.response()["phone_number"], "+14155552671", "{coding}");
    }
    let plain = coded(&app.user("user_i"), "identity", form.into()).await;
    assert_eq!(plain.response()["phone_number"], "+14155552671");
    let user = app.user("user_j");
    let request = user
        .request(Method::POST, NUMBERS)
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(gzipped(br#"{"phone_number":"+14155552671"}"#));
    assert_eq!(user.send(request).await.response()["phone_number"], "+14155552671");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_bounded_by_what_it_unpacks_to() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let start = "phone_number=%2B14155552671&x=";
    let padded = |length: usize| gzipped(format!("{start}{}", "x".repeat(length - start.len())).as_bytes());
    for length in [LIMIT + 1, 16 * 1024 * 1024] {
        let bomb = padded(length);
        assert!(bomb.len() < LIMIT, "{}", bomb.len());
        coded(&user, "gzip", bomb).await.is_error(413, "request_body_too_large");
    }
    // Many small ones in a row are as much as one.
    coded(&user, "gzip", gzipped(&[b'x'; 4096]).repeat(20))
        .await
        .is_error(413, "request_body_too_large");
    assert_eq!(user.get(NUMBERS).await.resource(), &json!([]));
    let _ = coded(&user, "gzip", padded(LIMIT)).await.response();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_coded_otherwise_is_told_how() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let whole = gzipped(b"phone_number=%2B14155552671");
    for coding in [
        "br",
        "deflate",
        "zstd",
        "compress",
        "gzip, gzip",
        "gzip, br",
        "gzip;q=1",
    ] {
        let refused = coded(&user, coding, whole.clone()).await;
        refused.is_error(415, "unsupported_content_encoding");
        assert_eq!(refused.header("accept-encoding"), Some("gzip"), "{coding}");
    }
    // The other 415 is not for the coding.
    let refused = posted(&user, Some("text/plain"), "x").await;
    refused.is_error(415, "unsupported_content_type");
    assert_eq!(refused.header("accept-encoding"), None);
    let trailed = [&whole[..], b"x"].concat();
    for broken in [
        &whole[..whole.len() - 1],
        &whole[1..],
        &b"phone_number=%2B14155552671"[..],
        &trailed,
    ] {
        coded(&user, "gzip", broken.to_vec())
            .await
            .is_error(422, "form_param_format_invalid");
    }
    // What is empty is coded in no way.
    for coding in ["br", "gzip"] {
        coded(&user, coding, Vec::new())
            .await
            .is_error(422, "form_param_missing");
    }
    assert_eq!(user.get(NUMBERS).await.resource(), &json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_null_is_no_body() {
    let app = TestApp::spawn().await;
    let (user, back_end) = (app.user("user_a"), app.back_end());
    let _ = user.get("/v1/me").await;
    for (who, method, path) in [
        (&user, Method::POST, NUMBERS),
        (&user, Method::PATCH, "/v1/me"),
        (&back_end, Method::POST, "/v1/users"),
        (&back_end, Method::PATCH, "/v1/users/user_b"),
        (&back_end, Method::PATCH, "/v1/instance"),
        (&back_end, Method::POST, "/v1/sign_in_tokens"),
        (&back_end, Method::POST, "/v1/phone_numbers"),
    ] {
        let bare = who.send(who.request(method.clone(), path)).await;
        let null = who.json(method.clone(), path, &Value::Null).await;
        assert_eq!(
            (null.status, &null.json["errors"]),
            (bare.status, &bare.json["errors"]),
            "{method} {path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_announces_too_much_is_not_waited_for() {
    let app = TestApp::spawn().await;
    for length in ["65537", "1000000000000", "18446744073709551615"] {
        let head = format!(
            "POST {NUMBERS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\r\n",
            app.token("user_a")
        );
        let (_, answer) = raw(&app, head.as_bytes()).await;
        is_raw_error(&answer, 413, "request_body_too_large");
    }
    let nobody = format!("POST {NUMBERS} HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n");
    let (_, answer) = raw(&app, nobody.as_bytes()).await;
    is_raw_error(&answer, 401, "signed_out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_dawdles_is_given_up() {
    let app = TestApp::with("PHONEPROOF__SERVER__BODY_TIMEOUT_MS", "50").spawn().await;
    let user = app.user("user_a");
    let head = format!(
        "POST {NUMBERS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n",
        app.token("user_a")
    );
    for rest in [
        "content-length: 27\r\n\r\n",
        "content-length: 27\r\n\r\nphone_number=%2B1415555267",
        "transfer-encoding: chunked\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n1b\r\nphone_number=%2B14155552671\r\n",
    ] {
        let (_, answer) = raw(&app, format!("{head}{rest}").as_bytes()).await;
        is_raw_error(&answer, 408, "request_timeout");
    }
    assert_eq!(user.get(NUMBERS).await.resource(), &json!([]));
    let whole = format!("{head}content-length: 27\r\n\r\nphone_number=%2B14155552671");
    let (_, answer) = raw(&app, whole.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_changes_nothing() {
    let app = TestApp::spawn().await;
    let head = format!(
        "POST {NUMBERS} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n",
        app.token("user_a")
    );
    let broken = format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\nphone_number=%2B14155552671\r\n0\r\n\r\n");
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(broken.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let mut cut = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    cut.write_all(format!("{head}content-length: 28\r\n\r\nphone_number=%2B14155552671").as_bytes())
        .await
        .unwrap();
    cut.shutdown().await.unwrap();
    let _ = cut.read_to_string(&mut answer).await;
    assert_eq!(app.user("user_a").get(NUMBERS).await.resource(), &json!([]));
}
