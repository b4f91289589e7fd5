use std::io::Write;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;

/// A keep-alive connection that knows just enough HTTP/1.1 to ask and to find the end of an answer:
/// what the load generator spends is taken from the server, which shares its cores.
pub(crate) struct Connection {
    stream: TcpStream,
    port: u16,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            port,
            request: Vec::with_capacity(1024),
            answer: Vec::with_capacity(4096),
        })
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<&str, Failure> {
        self.request.clear();
        write!(
            self.request,
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n\r\n",
            self.port
        )?;
        self.exchange().await
    }

    /// Posts a form and answers the body, if the status is 200.
    pub(crate) async fn post(
        &mut self,
        path: std::fmt::Arguments<'_>,
        bearer: &str,
        form: std::fmt::Arguments<'_>,
    ) -> Result<&str, Failure> {
        let Self { port, request, .. } = self;
        request.clear();
        write!(
            request,
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {bearer}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: "
        )?;
        // Its length is known once it is written: two digits, for forms here have 10 to 99 bytes.
        let length = request.len();
        write!(request, "00\r\n\r\n")?;
        let start = request.len();
        write!(request, "{form}")?;
        let size = request.len() - start;
        write!(&mut request[length..length + 2], "{size:02}")?;
        self.exchange().await
    }

    async fn exchange(&mut self) -> Result<&str, Failure> {
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let (mut body, mut end) = (0, usize::MAX);
        while self.answer.len() < end {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if body == 0
                && let Some(head) = self.answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
            {
                body = head + 4;
                end = body + content_length(&self.answer[..head])?;
            }
        }
        let text = std::str::from_utf8(&self.answer)?;
        if self.answer.get(9..12) == Some(b"200") {
            Ok(&text[body..end])
        } else {
            Err(one_line(text).into())
        }
    }
}

fn content_length(head: &[u8]) -> Result<usize, Failure> {
    const NAME: &[u8] = b"content-length: ";
    let line = head.split(|byte| *byte == b'\n').find(|line| {
        line.get(..NAME.len())
            .is_some_and(|name| name.eq_ignore_ascii_case(NAME))
    });
    let value = line.and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok());
    Ok(value.ok_or("an answer without content-length")?.trim().parse()?)
}

/// The status line and the body of an answer that was not expected.
fn one_line(answer: &str) -> String {
    let status = answer.lines().next().unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    format!("{status}: {}", body.chars().take(300).collect::<String>())
}
