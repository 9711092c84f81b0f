//! As much HTTP/1.1 as the agents' clients need: request bodies by length or in chunks, keep-alive, JSON answers and
//! server-sent events.

use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;

/// More than any agent sends; a bound so that a confused client cannot fill the memory.
const LARGEST_BODY: usize = 256 * 1024 * 1024;
/// The same for one line of a head.
const LONGEST_LINE: u64 = 256 * 1024;

/// One request, its body complete.
pub struct Request {
    /// As sent: `GET`, `POST`.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The target without its query.
    pub path: String,
    /// Whether the client wants to use the connection again.
    pub keep_alive: bool,
    /// The decoded body.
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The next request, or `None` at a clean end of the connection.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut start = String::new();
        // RFC 9112 section 2.2: empty lines before a request are to be skipped.
        while start.is_empty() {
            match line(reader)? {
                Some(read) => start = read,
                None => return Ok(None),
            }
        }
        let mut words = start.split_whitespace();
        let (Some(method), Some(target), version) = (words.next(), words.next(), words.next()) else {
            return Err(malformed("request line"));
        };
        let mut headers = Vec::new();
        loop {
            let header = line(reader)?.ok_or_else(|| malformed("head"))?;
            if header.is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').ok_or_else(|| malformed("header"))?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let path = target.split('?').next().unwrap_or(target).to_owned();
        let mut request = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            path,
            keep_alive: false,
            body: Vec::new(),
            headers,
        };
        let connection = request.header("connection").unwrap_or_default().to_ascii_lowercase();
        request.keep_alive =
            version == Some("HTTP/1.1") && !connection.contains("close") && !connection.contains("upgrade");
        request.body = request.read_body(reader)?;
        Ok(Some(request))
    }

    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    fn read_body(&self, reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked")) {
            loop {
                let size = line(reader)?.ok_or_else(|| malformed("chunk"))?;
                let digits = size.split(';').next().unwrap_or_default().trim();
                let size = usize::from_str_radix(digits, 16).map_err(|_| malformed("chunk size"))?;
                if size == 0 {
                    // What is left are trailers and an empty line.
                    while line(reader)?.is_some_and(|trailer| !trailer.is_empty()) {}
                    return Ok(body);
                }
                take(reader, size, &mut body)?;
                line(reader)?;
            }
        }
        if let Some(length) = self.header("content-length") {
            take(reader, length.parse().map_err(|_| malformed("content length"))?, &mut body)?;
        }
        Ok(body)
    }
}

fn malformed(part: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {part}"))
}

/// One line without its end, `None` at the end of the stream.
fn line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if reader.take(LONGEST_LINE).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.pop() != Some(b'\n') {
        return Err(malformed("line"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map(Some).map_err(|_| malformed("line"))
}

/// Appends exactly `size` bytes.
fn take(reader: &mut impl BufRead, size: usize, body: &mut Vec<u8>) -> io::Result<()> {
    let end = body.len().checked_add(size).filter(|end| *end <= LARGEST_BODY).ok_or_else(|| malformed("body size"))?;
    reader.take(size as u64).read_to_end(body)?;
    if body.len() == end { Ok(()) } else { Err(malformed("body")) }
}

/// The way back to the client.
pub struct Answer<'a> {
    stream: &'a TcpStream,
    keep_alive: bool,
    /// A HEAD request gets no body, or the next answer on the connection would be misread.
    head_only: bool,
}

impl<'a> Answer<'a> {
    pub fn new(stream: &'a TcpStream, request: &Request) -> Self {
        Self { stream, keep_alive: request.keep_alive, head_only: request.method == "HEAD" }
    }

    /// A whole JSON answer.
    pub fn json(&mut self, status: u16, headers: &[(&str, String)], body: &Value) -> io::Result<()> {
        let body = body.to_string();
        let mut message = self.head(status, "application/json", headers);
        message.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
        if !self.head_only {
            message.push_str(&body);
        }
        self.stream.write_all(message.as_bytes())
    }

    /// The start of a stream of events.
    pub fn events(&mut self, headers: &[(&str, String)]) -> io::Result<Events<'a>> {
        let mut head = self.head(200, "text/event-stream; charset=utf-8", headers);
        head.push_str("cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
        self.stream.write_all(head.as_bytes())?;
        Ok(Events { stream: self.stream })
    }

    /// Returns when the client has closed its end.
    pub fn wait_for_hangup(&mut self) -> io::Result<()> {
        io::copy(&mut self.stream, &mut io::sink()).map(drop)
    }

    /// Promises a stream of events and closes the connection instead.
    pub fn cut(&mut self) -> io::Result<()> {
        self.events(&[])?;
        self.stream.shutdown(Shutdown::Both)
    }

    fn head(&self, status: u16, kind: &str, headers: &[(&str, String)]) -> String {
        let connection = if self.keep_alive { "keep-alive" } else { "close" };
        let mut head =
            format!("HTTP/1.1 {status} {}\r\ncontent-type: {kind}\r\nconnection: {connection}\r\n", reason(status));
        for (name, value) in headers {
            head.extend([name, ": ", value.as_str(), "\r\n"]);
        }
        head
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        529 => "Overloaded",
        _ => "Status",
    }
}

/// Server-sent events, one HTTP chunk each.
pub struct Events<'a> {
    stream: &'a TcpStream,
}

impl Events<'_> {
    /// An event whose name is its data's `type`, as Anthropic and the Responses API have it.
    pub fn typed(&mut self, data: &Value) -> io::Result<()> {
        let name = data["type"].as_str().unwrap_or("message");
        self.chunk(&format!("event: {name}\ndata: {data}\n\n"))
    }

    /// An event without a name.
    pub fn data(&mut self, data: &str) -> io::Result<()> {
        self.chunk(&format!("data: {data}\n\n"))
    }

    /// The end of the answer.
    pub fn finish(self) -> io::Result<()> {
        let mut stream = self.stream;
        stream.write_all(b"0\r\n\r\n")
    }

    fn chunk(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes())
    }
}
