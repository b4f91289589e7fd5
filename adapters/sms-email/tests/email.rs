//! Against a loopback mail server (RFC 5321).
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use phoneproof_domain::conformance::sms_gateway;
use phoneproof_domain::ports::SendError;
use phoneproof_sms_email::{EmailSms, Options};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A mail server; it answers RCPT and the end of DATA with these lines, and keeps what it was given.
async fn server(recipient: &'static str, data: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let kept: Arc<Mutex<Vec<String>>> = Arc::default();
    let (mails, next) = (kept.clone(), Arc::new(AtomicU32::new(0)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (mails, next) = (mails.clone(), next.clone());
            tokio::spawn(async move {
                let (reader, mut writer) = stream.into_split();
                let mut lines = BufReader::new(reader).lines();
                let _ = writer.write_all(b"220 mail.example.com ESMTP\r\n").await;
                let (mut mail, mut in_data) = (String::new(), false);
                while let Ok(Some(line)) = lines.next_line().await {
                    mail.push_str(&line);
                    mail.push('\n');
                    let answer = if in_data {
                        if line != "." {
                            continue;
                        }
                        in_data = false;
                        mails.lock().unwrap().push(std::mem::take(&mut mail));
                        if data == "250" {
                            format!("250 2.0.0 Ok: queued as {:08X}", next.fetch_add(1, Ordering::SeqCst))
                        } else {
                            data.to_owned()
                        }
                    } else {
                        match line
                            .split([' ', ':'])
                            .next()
                            .unwrap_or_default()
                            .to_uppercase()
                            .as_str()
                        {
                            "EHLO" => "250-mail.example.com\r\n250 8BITMIME".to_owned(),
                            "RCPT" => recipient.to_owned(),
                            "DATA" => {
                                in_data = true;
                                "354 go on".to_owned()
                            }
                            "QUIT" => "221 bye".to_owned(),
                            _ => "250 ok".to_owned(),
                        }
                    };
                    if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, kept)
}

fn gateway(port: u16) -> EmailSms {
    EmailSms::new(Options {
        smtp_url: format!("smtp://127.0.0.1:{port}"),
        username: None,
        password: None,
        from: "PhoneProof <otp@example.com>".to_owned(),
        to: "{number}@sms.example.com".to_owned(),
        timeout_ms: 2_000,
    })
    .unwrap()
}

#[tokio::test]
async fn keeps_the_contract_of_its_port() {
    let (port, mails) = server("250 ok", "250").await;
    sms_gateway::takes_texts(&gateway(port), &"+14155552671".parse().unwrap()).await;
    let mails = mails.lock().unwrap();
    assert_eq!(mails.len(), 32);
    assert!(
        mails[0].contains("RCPT TO:<14155552671@sms.example.com>"),
        "{}",
        mails[0]
    );
    assert!(mails[0].contains("918273 is your Conformance code."), "{}", mails[0]);
}

#[tokio::test]
async fn every_refusal_is_sorted() {
    type Kind = fn(&SendError) -> bool;
    let kinds: [(&'static str, &'static str, Kind); 5] = [
        ("550 no such user 14155552671", "250", |error| {
            matches!(error, SendError::Rejected(_))
        }),
        ("450 mailbox busy", "250", |error| {
            matches!(error, SendError::Unavailable(_))
        }),
        ("530 authentication required", "250", |error| {
            matches!(error, SendError::Refused(_))
        }),
        ("250 ok", "554 looks like spam", |error| {
            matches!(error, SendError::Refused(_))
        }),
        ("250 ok", "421 closing", |error| {
            matches!(error, SendError::Unavailable(_))
        }),
    ];
    for (recipient, data, kind) in kinds {
        let (port, _) = server(recipient, data).await;
        sms_gateway::fails(&gateway(port), &"+14155552671".parse().unwrap(), kind).await;
    }
    let nobody = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let down: Kind = |error| matches!(error, SendError::Unavailable(_));
    sms_gateway::fails(&gateway(nobody), &"+14155552671".parse().unwrap(), down).await;
}

#[test]
fn what_makes_no_gateway_is_said() {
    let options = |url: &str, from: &str, to: &str| Options {
        smtp_url: url.to_owned(),
        username: None,
        password: None,
        from: from.to_owned(),
        to: to.to_owned(),
        timeout_ms: 1_000,
    };
    let (from, to) = ("a@example.com", "{number}@sms.example.com");
    for (options, fine) in [
        (options("smtps://mail.example.com", from, to), true),
        (
            options("smtp://mail.example.com:587", from, "sms+{e164}@example.com"),
            true,
        ),
        (options("http://mail.example.com", from, to), false),
        (options("smtp://127.0.0.1:x", from, to), false),
        (options("smtps://mail.example.com", "nobody", to), false),
        (options("smtps://mail.example.com", from, "me@example.com"), false),
        (options("smtps://mail.example.com", from, "{number}"), false),
    ] {
        let shown = format!("{options:?}");
        assert_eq!(EmailSms::new(options).is_ok(), fine, "{shown}");
    }
}
