// SPDX-License-Identifier: MIT OR Apache-2.0
//! One GET, and what a person wants to see of the answer.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HOST, LOCATION, USER_AGENT};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::Error as TlsError;
use std::error::Error;
use std::io;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Bytes of the page that are looked at.
const BODY_MAX: usize = 256 << 10;
/// Lines of its text that are shown, and characters of each.
const LINES_MAX: usize = 8;
const LINE_MAX: usize = 100;

/// What a server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) title: Option<String>,
    /// Where the server would send a browser.
    pub(super) location: Option<String>,
    /// The first lines of its text, without markup.
    pub(super) lines: Vec<String>,
}

/// Why there was no answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) text: String,
    /// The TLS error below it.
    pub(super) tls: Option<TlsError>,
}

impl From<hyper::Error> for Failure {
    fn from(error: hyper::Error) -> Self {
        let mut below: Option<&(dyn Error + 'static)> = error.source();
        let mut tls = None;
        while let Some(cause) = below {
            let wrapped = cause.downcast_ref::<io::Error>();
            let inner = wrapped.and_then(|e| e.get_ref()?.downcast_ref::<TlsError>());
            tls = tls.or(inner.cloned());
            below = cause.source();
        }
        Self {
            text: error.to_string(),
            tls,
        }
    }
}

/// Asks for the page of `uri` and reads no more of it than is shown.
pub(super) async fn get(stream: TlsStream<TcpStream>, uri: &Uri) -> Result<Page, Failure> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let request = Request::get(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("cie/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure {
            text: error.to_string(),
            tls: None,
        })?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(64 << 10)
        .handshake(TokioIo::new(stream))
        .await?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let mut page = Page {
            status: response.status().as_u16(),
            ..Page::default()
        };
        let location = response.headers().get(LOCATION);
        page.location =
            location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let mut body = response.into_body();
        let mut bytes = Vec::new();
        while bytes.len() < BODY_MAX {
            match body.frame().await {
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        let room = BODY_MAX - bytes.len();
                        bytes.extend(data.iter().take(room));
                    }
                }
                // Cut off: what came is shown.
                Some(Err(_)) | None => break,
            }
        }
        page.read(&String::from_utf8_lossy(&bytes));
        Ok::<_, Failure>(page)
    };
    let drive = async {
        let ended = connection.await;
        // The answer is with the other half.
        match ended {
            Ok(()) => std::future::pending::<Failure>().await,
            Err(error) => Failure::from(error),
        }
    };
    tokio::select! {
        biased;
        page = answer => page,
        failure = drive => Err(failure),
    }
}

impl Page {
    fn read(&mut self, body: &str) {
        // Lowercased letter by letter of ASCII, so that places stay the same.
        let lower = body.to_ascii_lowercase();
        let between = |open: &str, close: &str| {
            let start = lower.find(open)?;
            let start = start + lower.get(start..)?.find('>')? + 1;
            let end = start + lower.get(start..)?.find(close)?;
            body.get(start..end)
        };
        self.title = between("<title", "</title").map(|title| text(title).trim().to_owned());
        let inside = lower.find("</title").and_then(|at| body.get(at..));
        let lines = text(inside.unwrap_or(body));
        let lines = lines.lines().map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.join(" ").chars().take(LINE_MAX).collect::<String>()
        });
        let lines = lines.filter(|line| !line.is_empty());
        self.lines = lines.take(LINES_MAX).collect();
    }
}

/// Text without tags, styles, scripts and the commonest entities.
fn text(markup: &str) -> String {
    let mut out = String::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        let hidden = ["style", "script"].into_iter().find(|name| {
            let start = after.get(..name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(name))
        });
        let after = match hidden {
            Some(name) => {
                let close = format!("</{name}");
                let mut windows = after.as_bytes().windows(close.len());
                let at = windows.position(|w| w.eq_ignore_ascii_case(close.as_bytes()));
                at.and_then(|at| after.get(at..)).unwrap_or_default()
            }
            None => after,
        };
        rest = after.split_once('>').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&ndash;", "–"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(out, |text, (entity, plain)| text.replace(entity, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_in_a_few_lines() {
        let mut page = Page::default();
        page.read(
            "<html><TITLE>Entra &amp; esci</TITLE><style>p{x:<}</style>\n<h1>Buon\t giorno</h1>\n\
             <script>if (a<b) {}</script>\n\n<p>CF <b>AAA</b>",
        );
        assert_eq!(page.title.as_deref(), Some("Entra & esci"));
        assert_eq!(page.lines, ["Buon giorno", "CF AAA"]);
        for odd in [
            "",
            "<",
            "<title",
            "<title>",
            "<style",
            "&",
            "<script>a</script",
        ] {
            page.read(odd);
        }
    }
}
