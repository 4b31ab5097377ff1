//! A node with its API, and requests written by hand: a client that is too polite would not send what is tested.
#![allow(clippy::unwrap_used, reason = "support of tests: a failure here is the test's")]

use heirloom::driver::{Node, Options, SeedAs, Settings};
use heirloom::home::{Home, Lock, Running};
use heirloom::http::{self, Shared};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A node and where its API listens. Stopped when dropped.
pub struct Face {
    pub node: Node,
    pub server: Shared,
    pub address: SocketAddr,
    pub token: String,
    pub folder: TempDir,
    stop: CancellationToken,
}

/// What came back.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The one value of a header.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "{name} in {:?}", self.headers);
        all[0]
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{} {text:?} is no JSON", self.status))
    }

    /// The code of a refusal.
    #[track_caller]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_else(|| panic!("no code in {:?}", self.json())).to_owned()
    }
}

/// A request as lines.
#[derive(Clone)]
pub struct Ask {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

impl Face {
    /// Without networks.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With options of the test's.
    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::find(Some(folder.path().join("home"))).unwrap();
        home.prepare().unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut options = Options {
            p2p: Vec::new(),
            peers: Vec::new(),
            friends: BTreeSet::new(),
            mdns: false,
            nat: None,
            bt: any,
            bt_named: any,
            dht: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
            bootstrap: None,
            no_dht: true,
            offline: true,
            downloads: folder.path().join("downloads"),
            seed_as: SeedAs::Published,
            looks_up: false,
            meets: false,
            settings: Settings::default(),
            clients: heirloom::clients::Settings::default(),
        };
        change(&mut options);
        let listener = http::bind(any).unwrap();
        let address = listener.local_addr().unwrap();
        let token = home.token().unwrap();
        let node = Box::pin(Node::start(home, options)).await.unwrap();
        let server = http::Server::new(node.clone(), token.clone(), address);
        let stop = CancellationToken::new();
        tokio::spawn(http::serve(listener, server.clone(), stop.clone()));
        Self { node, server, address, token: token.to_string(), folder, stop }
    }

    /// A request with the token.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        let ask = Ask::new(method, path).with("Host", self.address.to_string());
        ask.with("Authorization", format!("Bearer {}", self.token))
    }

    /// A request with the cookie of a browser, and what browsers say of themselves.
    pub fn browse(&self, method: &str, path: &str, cookie: &str) -> Ask {
        let ask = Ask::new(method, path).with("Host", self.address.to_string()).with("Cookie", cookie);
        if method == "GET" { ask } else { ask.with("Origin", format!("http://{}", self.address)) }
    }

    /// Sends, and reads the answer to its end.
    pub async fn send(&self, ask: Ask) -> Response {
        let mut stream = self.begin(ask).await;
        let mut bytes = Vec::new();
        // A refusal before the body was read may reset the connection behind the answer.
        let _ = stream.read_to_end(&mut bytes).await;
        parse(&bytes)
    }

    /// Sends, and leaves the answer to the caller.
    pub async fn begin(&self, ask: Ask) -> TcpStream {
        let Ask { method, path, headers, body } = ask;
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        for (name, value) in headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() || method == "POST" {
            write!(text, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        text.push_str("\r\n");
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        // As above.
        let _ = stream.write_all(&body).await;
        stream
    }

    /// A verb by the token.
    #[track_caller]
    pub fn verb(&self, verb: &str, arguments: &Value) -> Ask {
        let ask = self.ask("POST", &format!("/api/v1/{verb}"));
        ask.with("Content-Type", "application/json").body(arguments.to_string())
    }

    /// A browser that opened a link: its `Cookie` header.
    pub async fn cookie(&self) -> String {
        let link = self.server.new_link().unwrap();
        let path = link.split_once(&self.address.to_string()).unwrap().1.to_owned();
        let response = self.send(Ask::new("GET", &path).with("Host", self.address.to_string())).await;
        assert_eq!((response.status, response.header("location")), (303, "/"));
        response.header("set-cookie").split(';').next().unwrap().to_owned()
    }
}

impl Drop for Face {
    fn drop(&mut self) {
        self.stop.cancel();
        // The node's own thread must be gone before the program ends: the store's statics go with it.
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(self.node.stop()));
    }
}

fn parse(bytes: &[u8]) -> Response {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if is_chunked { unchunk(body) } else { body.to_vec() };
    Response { status, headers, body }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = &rest[at + 4 + size..];
    }
    body
}

/// A listener that stands where the node of a home would: it writes down what is asked, and refuses everything.
pub struct Stub {
    pub folder: TempDir,
    home: Home,
    asked: Arc<Mutex<Vec<String>>>,
    _lock: Lock,
}

impl Stub {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::find(Some(folder.path().join("home"))).unwrap();
        home.prepare().unwrap();
        home.token().unwrap();
        let lock = home.lock().unwrap().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let running = Running { http: listener.local_addr().unwrap().to_string(), pid: std::process::id() };
        home.write_running(&running).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let heard = Arc::clone(&heard);
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    // Who only looks whether somebody listens says nothing.
                    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
                        let mut part = [0; 4096];
                        match stream.read(&mut part).await {
                            Ok(bytes) if bytes > 0 => head.extend_from_slice(&part[..bytes]),
                            _ => return,
                        }
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
                    heard.lock().unwrap().push(line);
                    let body = r#"{"error":{"code":"stub","message":"nobody is here","exit":1}}"#;
                    let answer = format!(
                        "HTTP/1.1 500 Error\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                    // What of the body is still on its way must not reset the connection under the answer.
                    let _ = stream.shutdown().await;
                    while let Ok(1..) = stream.read(&mut [0; 4096]).await {}
                });
            }
        });
        Self { folder, home, asked, _lock: lock }
    }

    pub fn home(&self) -> &Path {
        self.home.root()
    }

    /// What was asked since the last look.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}
