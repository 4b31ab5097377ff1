//! A web site on loopback, as small as a test needs it, with the manners of bad ones too.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What stands behind a path.
#[derive(Clone, Debug)]
pub enum Page {
    /// A page of this content type.
    Is(&'static str, String),
    /// Look there.
    LeadsTo(String),
    /// Nothing, ever.
    Silent,
    /// A page that never ends.
    Endless,
    /// A file of this content type whose end never comes.
    Begins(&'static str, String),
    /// A file of this content type that begins so, and repeats the second text for ever.
    Repeats(&'static str, String, String),
    /// A page that says to be this long, and sends nothing.
    Announces(u64),
}

/// A site. It ends with the test's process.
pub struct Site {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    pages: Arc<Mutex<BTreeMap<String, Page>>>,
}

impl Site {
    /// Begins to serve.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (asked, pages) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(BTreeMap::new())));
        let site = Self { address, asked: Arc::clone(&asked), pages: Arc::clone(&pages) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, pages) = (Arc::clone(&asked), Arc::clone(&pages));
                // Whoever hangs up early has its reasons.
                std::thread::spawn(move || drop(answer(stream, &asked, &pages)));
            }
        });
        site
    }

    /// Puts a page at a path, and gives its address.
    pub fn page(&self, path: &str, page: Page) -> String {
        self.pages.lock().expect("not poisoned").insert(path.to_owned(), page);
        self.url(path)
    }

    /// Puts a page of HTML at a path, and gives its address.
    pub fn html(&self, path: &str, body: &str) -> String {
        let page = format!("<!doctype html><html><head><title>A blog</title></head><body>{body}</body></html>");
        self.page(path, Page::Is("text/html; charset=utf-8", page))
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Paths that were asked for since the last look.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().expect("not poisoned"))
    }
}

fn answer(
    mut stream: TcpStream,
    asked: &Mutex<Vec<String>>,
    pages: &Mutex<BTreeMap<String, Page>>,
) -> std::io::Result<()> {
    let mut first = String::new();
    let mut reader = BufReader::new(stream.try_clone()?);
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 && !line.trim().is_empty() {
        line.clear();
    }
    let path = first.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let page = pages.lock().expect("not poisoned").get(&path).cloned();
    asked.lock().expect("not poisoned").push(path);
    let close = "Connection: close\r\n\r\n";
    match page {
        None => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n{close}"),
        Some(Page::Is(kind, body)) => {
            let length = body.len();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{close}{body}")
        }
        Some(Page::LeadsTo(to)) => {
            write!(stream, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n{close}")
        }
        Some(Page::Announces(length)) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n{close}")
        }
        Some(Page::Begins(kind, body)) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{close}{body}")?;
            stream.flush()?;
            // Until the other side hangs up.
            line.clear();
            reader.read_line(&mut line).map(drop)
        }
        Some(Page::Repeats(kind, first, more)) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{close}{first}")?;
            let many = more.repeat((1 << 16) / more.len().max(1) + 1);
            loop {
                stream.write_all(many.as_bytes())?;
            }
        }
        // Until the other side hangs up.
        Some(Page::Silent) => reader.read_line(&mut line).map(drop),
        Some(Page::Endless) => {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{close}<html><body>")?;
            loop {
                stream.write_all(&[b'a'; 1 << 16])?;
            }
        }
    }
}
