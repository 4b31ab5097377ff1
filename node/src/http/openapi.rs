//! The OpenAPI document: made from the types that requests are read into, so that it cannot say something else.

use super::reads::{Holds, READS, Read};
use super::{ListEntry, Request, RowFile, problem, rows};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use utoipa::{OpenApi, PartialSchema};

/// The types that requests are made of.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Heirloom",
        description = "A node's API. Verbs are POST with their arguments as JSON; reads are GET too, with the arguments in the \
                       address. Send the token of the node's api-token file as a bearer token, or the cookie of a browser \
                       that opened the link of `heirloom open`."
    ),
    components(schemas(ListEntry, rows::Row, rows::Record, rows::Release, RowFile))
)]
struct Types;

/// What each verb does, in a few words.
const VERB_ABOUT: [(&str, &str); 45] = [
    ("id", "Who the owner is"),
    ("id-set", "Set the owner's name and address"),
    ("follow", "Follow a key, or preview what that would change"),
    ("follows", "Whom the owner follows"),
    ("take-starter", "Follow the starter catalogue, although it was dropped"),
    ("list-make", "Sign a list of curators"),
    ("curator-card", "The owner's card: link, block and HTML"),
    ("list-verify", "Check the signature and text of a list"),
    ("unfollow", "Stop following a key"),
    ("attest", "Sign what the owner thinks of a key"),
    ("verdict", "Sign what the owner found in a release"),
    ("why", "Explain a score"),
    ("about", "What a key says: its listings, attestations and verdicts"),
    ("trust", "Keys by trust, best first"),
    ("ring", "How much a ring of keys could gain together"),
    ("ledger", "What was received, hash-checked, and from whom"),
    ("ledger-link", "Say which key an address of the ledger belongs to, or that it belongs to none"),
    ("ledger-import", "Book what another client of the owner's says that it received, as weak evidence"),
    ("hand-off", "Choose a release for another client to fetch, by the rules of get"),
    ("handed-files", "Which files of a release that was handed off are what is wanted of it"),
    ("handed-off", "Remember that another client has it"),
    ("handed", "What was handed to other clients"),
    ("look-into", "Look at what is in a release that was handed off"),
    ("publish", "List a release of a work, and seed it"),
    ("publishing", "What is read and hashed now, to be published, and how far it is"),
    ("publish-cancel", "End that before anything is signed"),
    ("seed", "Seed what was imported, where its content lies"),
    ("list", "List many works and releases, as an import does"),
    ("retract", "Take back a statement, or the listings of a release"),
    ("search", "Find works"),
    ("show", "A work and its releases"),
    ("get", "Download a release, or the best release of a work"),
    ("cancel", "Neither fetch nor seed a release any longer"),
    ("config", "The settings, each with where its value comes from"),
    ("config-set", "Write a setting into the file, or take it out"),
    ("play", "Download it, and say at what address it plays while it arrives"),
    ("status", "How the node is"),
    ("doctor", "What the node needs, and how to mend it"),
    ("open", "A link that lets a browser in, once"),
    ("apps", "What to plug into which other program of the owner's"),
    ("strm", "The shelf as files that Kodi and Jellyfin play"),
    ("download", "How far a download is"),
    ("export", "Every statement of the owner that still counts"),
    ("import", "Take in signed statements"),
    ("reindex", "Check every stored statement and derive everything again"),
];

/// The document.
#[must_use]
pub(super) fn document() -> Value {
    let mut document = serde_json::to_value(Types::openapi()).unwrap_or_else(|_| json!({}));
    let mut paths = Map::new();
    for (verb, schema) in verbs() {
        let about = VERB_ABOUT.iter().find(|(name, _)| *name == verb).map_or(verb.as_str(), |(_, about)| *about);
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        let operation = json!({
            "operationId": verb, "summary": about, "tags": ["verbs"], "requestBody": body, "responses": responses(),
        });
        put(&mut paths, &format!("/api/v1/{verb}"), "post", operation);
    }
    for read in &READS {
        put(&mut paths, &format!("/api/v1/{}", read.verb), "get", read_operation(read));
    }
    for (path, about, kind) in OTHER_READS {
        let parameters: Vec<Value> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        let mut responses = responses();
        responses["200"] = json!({ "description": "Done", "content": { kind: {} } });
        let operation =
            json!({ "summary": about, "tags": ["reads"], "parameters": parameters, "responses": responses });
        put(&mut paths, path, "get", operation);
    }
    put(
        &mut paths,
        "/api/v1/sign-out",
        "post",
        json!({
            "operationId": "sign-out", "summary": "End the session of the browser that asks", "tags": ["verbs"],
            "responses": responses(),
        }),
    );
    document["paths"] = Value::Object(paths);
    document["components"]["securitySchemes"] = json!({
        "token": { "type": "http", "scheme": "bearer" },
        "cookie": { "type": "apiKey", "in": "cookie", "name": "heirloom-<port>" },
    });
    document["components"]["schemas"]["Problem"] = problem_schema();
    document["security"] = json!([{ "token": [] }, { "cookie": [] }]);
    document
}

/// What else is read.
const OTHER_READS: [(&str, &str, &str); 8] = [
    ("/api/v1/downloads", "Every torrent of this node, and how far it is", "application/json"),
    ("/api/v1/listings", "The owner's listings", "application/json"),
    ("/api/v1/lists", "Lists of curators that came with the program", "application/json"),
    ("/api/v1/openapi.json", "This document", "application/json"),
    (
        "/api/v1/events",
        "What changes: hello, download, publishing, peers, streams, news, counters; lost says how many were missed",
        "text/event-stream",
    ),
    ("/api/v1/artwork/{digest}", "The picture of a work, encoded anew; 404 while it is not here", "image/jpeg"),
    ("/stream/{infohash}/{file}", "A file while it arrives, with ranges; file is its index", "video/*"),
    ("/subtitles/{infohash}/{file}", "Subtitles as WebVTT; file is their index and .vtt", "text/vtt"),
];

fn put(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let entry = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
    entry[method] = operation;
}

/// Each verb with the schema of its arguments: the variants of [`Request`].
pub(super) fn verbs() -> Vec<(String, Value)> {
    let schema = serde_json::to_value(Request::schema()).unwrap_or_default();
    let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
    let verb = |mut variant: Value| {
        let fields = variant["properties"].as_object_mut()?;
        let verb = fields.remove("verb")?["enum"][0].as_str()?.to_owned();
        if let Some(required) = variant["required"].as_array_mut() {
            required.retain(|name| name != "verb");
        }
        Some((verb, variant))
    };
    variants.into_iter().filter_map(verb).collect()
}

/// Whether a verb has no arguments.
pub(super) fn takes_nothing(verb: &str) -> bool {
    static BARE: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let is_bare = |(_, schema): &(String, Value)| schema["properties"].as_object().is_none_or(Map::is_empty);
        verbs().into_iter().filter(is_bare).map(|(verb, _)| verb).collect()
    });
    BARE.contains(verb)
}

fn read_operation(read: &Read) -> Value {
    let parameter = |argument: &super::reads::Argument| {
        let mut schema = match argument.holds {
            Holds::Text => json!({ "type": "string" }),
            Holds::Number => json!({ "type": "integer", "minimum": 0 }),
        };
        if let Some(usual) = argument.usual {
            schema["default"] = usual.parse::<u32>().map_or_else(|_| json!(usual), |number| json!(number));
        }
        json!({
            "name": argument.name, "in": "query", "required": argument.is_needed, "description": argument.about,
            "schema": schema,
        })
    };
    json!({
        "operationId": format!("read-{}", read.verb),
        "summary": read.about,
        "tags": ["reads"],
        "parameters": read.arguments.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses(),
    })
}

/// What every operation may answer.
fn responses() -> Value {
    let problem = json!({
        "description": "A refusal: one sentence in `detail`",
        "content": { problem::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    json!({ "200": { "description": "Done", "content": { "application/json": {} } }, "default": problem })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "code", "exit"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "One sentence that says what to do" },
            "code": { "type": "string", "description": "For programs; the same as on the command line" },
            "exit": { "type": "integer", "description": "Exit code of the command line: 1 error, 2 bad input, 3 not found, 4 refused" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::routes;
    use super::*;
    use axum::http::Method;

    #[test]
    fn the_document_names_every_route_and_no_other() {
        let document = document();
        let paths = document["paths"].as_object().expect("paths");
        let listed: Vec<(Method, String)> = routes().listed().to_vec();
        for (method, path) in &listed {
            let is_ours = path.starts_with("/api/v1/") && !path.contains("{verb}");
            let is_named =
                !paths.get(path).map_or(&Value::Null, |path| &path[method.as_str().to_lowercase()]).is_null();
            assert!(is_named || !is_ours, "{method} {path}");
        }
        for (path, operations) in paths {
            for method in operations.as_object().expect("operations").keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
                assert!(listed.contains(&(method.clone(), path.clone())), "{method} {path} is served");
            }
        }
    }

    #[test]
    fn the_arguments_of_a_verb_are_those_that_are_read() {
        let verbs = verbs();
        assert!(verbs.len() > 24, "{verbs:?}");
        let of = |name: &str| &verbs.iter().find(|(verb, _)| verb == name).expect("a verb").1;
        let follow = of("follow");
        assert_eq!(follow["properties"]["preview"]["type"], "boolean");
        assert_eq!(follow["required"], json!(["key", "preview"]));
        assert_eq!(of("publish")["properties"]["map"]["type"], "array");
        let told: Vec<&str> = VERB_ABOUT.iter().map(|(verb, _)| *verb).collect();
        for (verb, _) in &verbs {
            assert!(told.contains(&verb.as_str()), "{verb} is told about");
        }
        assert_eq!(told.len(), verbs.len());
    }
}
