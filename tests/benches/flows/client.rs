use std::fmt::Arguments;
use std::io::Write;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;

/// What shows a server who asks.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    Nobody,
    /// The text after `Bearer`.
    Bearer(String),
    /// The browser's `__client` cookie, empty before there is one: each answer may replace it.
    Session(String),
}

/// A keep-alive connection that knows just enough HTTP/1.1 to ask and to find the end of an answer:
/// what the load generator spends is taken from the server, which shares its cores.
pub(crate) struct Connection {
    stream: TcpStream,
    port: u16,
    request: Vec<u8>,
    form: Vec<u8>,
    answer: Vec<u8>,
    /// Where the body of the answer begins.
    body: usize,
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            port,
            request: Vec::with_capacity(1024),
            form: Vec::with_capacity(256),
            answer: Vec::with_capacity(8192),
            body: 0,
        })
    }

    /// Answers the body, if the status is 200.
    pub(crate) async fn get(&mut self, path: &str, credential: &mut Credential) -> Result<&str, Failure> {
        self.begin(format_args!("GET {path}"), credential)?;
        self.request.extend_from_slice(b"\r\n");
        self.exchange(credential).await
    }

    /// Posts a form and answers the body, if the status is 200.
    pub(crate) async fn post(
        &mut self,
        path: Arguments<'_>,
        credential: &mut Credential,
        form: Arguments<'_>,
    ) -> Result<&str, Failure> {
        self.begin(format_args!("POST {path}"), credential)?;
        self.form.clear();
        write!(self.form, "{form}")?;
        write!(
            self.request,
            "content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
            self.form.len()
        )?;
        self.request.extend_from_slice(&self.form);
        self.exchange(credential).await
    }

    /// Writes the request up to the headers that a body needs.
    fn begin(&mut self, line: Arguments<'_>, credential: &Credential) -> Result<(), Failure> {
        let Self { port, request, .. } = self;
        request.clear();
        write!(request, "{line} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n")?;
        match credential {
            Credential::Nobody => {}
            Credential::Bearer(bearer) => write!(request, "authorization: Bearer {bearer}\r\n")?,
            Credential::Session(cookie) => {
                write!(
                    request,
                    "origin: http://127.0.0.1:{port}\r\ncookie: __client={cookie}\r\n"
                )?;
            }
        }
        Ok(())
    }

    async fn exchange(&mut self, credential: &mut Credential) -> Result<&str, Failure> {
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        self.body = 0;
        let mut end = usize::MAX;
        while self.answer.len() < end {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if self.body == 0
                && let Some(head) = self.answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")
            {
                self.body = head + 4;
                let length =
                    header(&self.answer[..head], "content-length: ").ok_or("an answer without content-length")?;
                end = self.body + length.parse::<usize>()?;
            }
        }
        let text = std::str::from_utf8(&self.answer)?;
        if self.answer.get(9..12) != Some(b"200") {
            return Err(one_line(text).into());
        }
        if let Credential::Session(cookie) = credential
            && let Some(set) = header(&self.answer[..self.body], "set-cookie: __client=")
        {
            set.split(';').next().unwrap_or_default().clone_into(cookie);
        }
        Ok(&text[self.body..end])
    }
}

/// What follows `beginning` in the first line of a head that begins so.
fn header<'a>(head: &'a [u8], beginning: &str) -> Option<&'a str> {
    let line = head.split(|byte| *byte == b'\n').find(|line| {
        line.get(..beginning.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(beginning.as_bytes()))
    });
    let value = line.and_then(|line| std::str::from_utf8(&line[beginning.len()..]).ok());
    value.map(str::trim)
}

/// The status line and the body of an answer that was not expected.
fn one_line(answer: &str) -> String {
    let status = answer.lines().next().unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    format!("{status}: {}", body.chars().take(300).collect::<String>())
}
