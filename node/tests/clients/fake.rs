//! A web server that answers as a test says.

use heirloom::clients::{Client, Endpoint};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path with what follows the question mark.
    pub path: String,
    /// The head, in lower case but for values.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Asked {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim())
    }
}

/// Status, headers and body.
pub type Said = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// JSON with 200.
pub fn json(value: &serde_json::Value) -> Said {
    (200, vec![("content-type", "application/json".into())], value.to_string().into_bytes())
}

/// Text.
pub fn text(status: u16, text: &str) -> Said {
    (status, Vec::new(), text.as_bytes().to_vec())
}

/// The server; it ends with the runtime of its test.
pub struct Fake {
    /// Where it answers.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Answers by this function.
    pub async fn that(answer: impl FnMut(&Asked) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&asked), Arc::new(Mutex::new(answer)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let said = |asked: &Asked| (answer.lock().expect("no panic"))(asked);
                    serve(stream, &seen, said).await
                });
            }
        });
        Self { url, asked }
    }

    /// Where to find it.
    pub fn endpoint(&self, client: Client) -> Endpoint {
        Endpoint { url: self.url.clone(), ..Endpoint::usual(client) }
    }

    /// What came so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// One request, one answer.
async fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Asked>>, answer: impl Fn(&Asked) -> Said) -> Option<()> {
    let mut bytes = Vec::new();
    let (head, start) = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 4);
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut asked = Asked { path, head, body: String::new() };
    let length: usize = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while bytes.len() < start + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    asked.body = String::from_utf8_lossy(&bytes[start..]).into_owned();
    let (status, headers, body) = answer(&asked);
    seen.lock().expect("no panic").push(asked);
    let mut head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    stream.write_all(format!("{head}\r\n").as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()?;
    stream.shutdown().await.ok()
}
