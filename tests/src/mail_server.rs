use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long mails are waited for before their test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A loopback mail server (RFC 5321) that takes everything and keeps it.
pub struct MailServer {
    /// `smtp://127.0.0.1:…`
    pub url: String,
    mails: watch::Sender<Vec<String>>,
}

impl MailServer {
    /// Starts one.
    #[expect(clippy::unwrap_used, reason = "a test without its mail server has failed")]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let mails = watch::Sender::new(Vec::new());
        let kept = mails.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone()));
            }
        });
        Self { url, mails }
    }

    /// What it was given once there are `count` mails, oldest first: envelope, header and body as they came.
    ///
    /// # Panics
    /// If they do not come within a minute.
    #[expect(clippy::expect_used, reason = "mails that do not come have failed the test")]
    pub async fn mails(&self, count: usize) -> Vec<String> {
        let mut mails = self.mails.subscribe();
        let all = mails.wait_for(|mails| mails.len() >= count);
        let all = tokio::time::timeout(PATIENCE, all).await.expect("too few mails");
        all.expect("the mail server is gone").clone()
    }
}

async fn serve(stream: TcpStream, mails: watch::Sender<Vec<String>>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let _ = writer.write_all(b"220 mail.example.com ESMTP\r\n").await;
    let (mut mail, mut in_data) = (String::new(), false);
    while let Ok(Some(line)) = lines.next_line().await {
        mail.push_str(&line);
        mail.push('\n');
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "." if in_data => {
                in_data = false;
                mails.send_modify(|mails| mails.push(std::mem::take(&mut mail)));
                "250 queued as 1"
            }
            _ if in_data => continue,
            "EHLO" => "250 mail.example.com",
            "DATA" => {
                in_data = true;
                "354 go on"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        if writer.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
    }
}
