//! What the registry in this process holds, and its answers when nothing goes wrong
//! (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>).

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use slsbuild::artifact::oci::Digest;

use super::server::{Answer, Request};

/// Blobs and manifests by repository and digest, and tags.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) blobs: BTreeMap<(String, String), Vec<u8>>,
    pub(crate) manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    pub(crate) tags: BTreeMap<(String, String), String>,
    pub(crate) sessions: BTreeSet<String>,
    pub(crate) lock: Lock,
    pub(crate) tokens: BTreeMap<String, Vec<String>>,
    /// Where sessions are said to be.
    pub(crate) locations: Locations,
    /// Mounts that are asked for open a session.
    pub(crate) never_mounts: bool,
    count: usize,
}

/// What the registry wants to see.
#[derive(Clone, Default)]
pub(crate) enum Lock {
    #[default]
    Nothing,
    /// A name and a password.
    Basic(&'static str, &'static str),
    /// A token, which is given out at this address to who has the password, or to everyone.
    Bearer {
        realm: String,
        password: Option<(&'static str, &'static str)>,
    },
}

/// How addresses of sessions are written.
#[derive(Clone, Default)]
pub(crate) enum Locations {
    #[default]
    Relative,
    Absolute,
    /// At another host, which takes them without credentials.
    Elsewhere(String),
}

impl Store {
    pub(crate) fn answer(&mut self, host: &str, request: &Request) -> Answer {
        let path = request.path.split('?').next().unwrap().to_owned();
        if path == "/token" {
            return self.token(request);
        }
        if let Some(id) = path.strip_prefix("/elsewhere/") {
            return self.take(id, request);
        }
        let Some(rest) = path.strip_prefix("/v2/") else {
            return Answer::error(404, "NOT_FOUND", "no such page");
        };
        let places = ["/manifests/", "/blobs/uploads/", "/blobs/"];
        let found = places.iter().find_map(|place| {
            rest.split_once(place)
                .map(|(repository, name)| (*place, repository, name))
        });
        let Some((place, repository, name)) = found else {
            return Answer::error(404, "NOT_FOUND", "no such page");
        };
        if let Some(refused) = self.refuses(request, repository) {
            return refused;
        }
        let key = (repository.to_owned(), name.to_owned());
        match (place, request.method.as_str()) {
            ("/manifests/", "GET" | "HEAD") => self.manifest(&key),
            ("/manifests/", "PUT") => self.put_manifest(key, request),
            ("/blobs/", "GET" | "HEAD") => match self.blobs.get(&key) {
                Some(blob) => Answer::new(200).body(blob.clone()),
                None => Answer::error(404, "BLOB_UNKNOWN", "blob unknown to registry"),
            },
            ("/blobs/uploads/", "POST") => self.open(host, repository, request),
            ("/blobs/uploads/", "PUT") => self.take(name, request),
            ("/blobs/uploads/", "DELETE") => {
                let known = self.sessions.remove(name);
                Answer::new(if known { 204 } else { 404 })
            }
            _ => Answer::error(405, "UNSUPPORTED", "not here"),
        }
    }

    fn refuses(&self, request: &Request, repository: &str) -> Option<Answer> {
        let given = request.headers.get("authorization");
        let writes = !matches!(request.method.as_str(), "GET" | "HEAD");
        let challenge = match &self.lock {
            Lock::Nothing => return None,
            Lock::Basic(user, password) => {
                let right = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
                if given == Some(&right) {
                    return None;
                }
                "Basic realm=\"here\"".to_owned()
            }
            Lock::Bearer { realm, .. } => {
                let actions = if writes { "pull,push" } else { "pull" };
                let token = given.and_then(|given| given.strip_prefix("Bearer "));
                let scopes = token.and_then(|token| self.tokens.get(token));
                let covers = |scope: &String| {
                    let name = scope.rsplit_once(':').unwrap();
                    name.0 == format!("repository:{repository}")
                        && (!writes || name.1.contains("push"))
                };
                if scopes.is_some_and(|scopes| scopes.iter().any(covers)) {
                    return None;
                }
                format!(
                    "Bearer realm=\"{realm}\",service=\"the registry\",scope=\"repository:{repository}:{actions}\""
                )
            }
        };
        let answer = Answer::error(401, "UNAUTHORIZED", "authentication required");
        Some(answer.with("www-authenticate", challenge))
    }

    fn token(&mut self, request: &Request) -> Answer {
        let Lock::Bearer { password, .. } = &self.lock else {
            return Answer::new(404);
        };
        if let Some((user, password)) = password {
            let right = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
            if request.headers.get("authorization") != Some(&right) {
                return Answer::error(401, "UNAUTHORIZED", "who are you?");
            }
        }
        self.count += 1;
        let token = format!("token-{}", self.count);
        let scopes = request.query.get("scope").cloned().unwrap_or_default();
        self.tokens.insert(token.clone(), scopes);
        Answer::new(200).body(format!("{{\"token\":\"{token}\"}}").into_bytes())
    }

    fn manifest(&self, (repository, name): &(String, String)) -> Answer {
        let key = (repository.clone(), name.clone());
        let digest = self.tags.get(&key).unwrap_or(name);
        match self.manifests.get(&(repository.clone(), digest.clone())) {
            Some((kind, bytes)) => Answer::new(200)
                .with("content-type", kind)
                .with("docker-content-digest", digest)
                .body(bytes.clone()),
            None => Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        }
    }

    fn put_manifest(&mut self, (repository, name): (String, String), request: &Request) -> Answer {
        let content: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        for part in parts(&content) {
            let key = (repository.clone(), part);
            if !self.blobs.contains_key(&key) && !self.manifests.contains_key(&key) {
                return Answer::error(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
            }
        }
        let digest = Digest::of(&request.body).to_string();
        let kind = request.headers["content-type"].clone();
        assert_eq!(content["mediaType"], kind);
        self.manifests.insert(
            (repository.clone(), digest.clone()),
            (kind, request.body.clone()),
        );
        if name.starts_with("sha256:") {
            assert_eq!(name, digest);
        } else {
            self.tags.insert((repository, name), digest.clone());
        }
        Answer::new(201).with("docker-content-digest", digest)
    }

    fn open(&mut self, host: &str, repository: &str, request: &Request) -> Answer {
        let first = |name: &str| request.query.get(name).map(|values| values[0].clone());
        if let (Some(digest), Some(from), false) =
            (first("mount"), first("from"), self.never_mounts)
            && let Some(blob) = self.blobs.get(&(from, digest.clone())).cloned()
        {
            self.blobs
                .insert((repository.to_owned(), digest.clone()), blob);
            return Answer::new(201).with("docker-content-digest", digest);
        }
        self.count += 1;
        let id = format!("{}-{}", repository.replace('/', "-"), self.count);
        self.sessions.insert(id.clone());
        let location = match &self.locations {
            Locations::Relative => format!("/v2/{repository}/blobs/uploads/{id}?_state=a%2Fb"),
            Locations::Absolute => {
                format!("http://{host}/v2/{repository}/blobs/uploads/{id}?_state=a%2Fb")
            }
            Locations::Elsewhere(other) => {
                format!("http://{other}/elsewhere/{id}?repository={repository}")
            }
        };
        Answer::new(202).with("location", location)
    }

    fn take(&mut self, id: &str, request: &Request) -> Answer {
        let digest = request.query["digest"][0].clone();
        let is_here = self.sessions.remove(id);
        let elsewhere = request
            .query
            .get("repository")
            .map(|names| names[0].clone());
        if !is_here && elsewhere.is_none() {
            return Answer::error(404, "BLOB_UPLOAD_UNKNOWN", "no such session");
        }
        if is_here {
            assert_eq!(request.query["_state"], ["a%2Fb"], "the query is kept");
        }
        if Digest::of(&request.body).to_string() != digest {
            return Answer::error(400, "DIGEST_INVALID", "provided digest did not match");
        }
        let repository = elsewhere.unwrap_or_else(|| {
            let path = request.path.strip_prefix("/v2/").unwrap();
            path.split_once("/blobs/").unwrap().0.to_owned()
        });
        self.blobs
            .insert((repository, digest.clone()), request.body.clone());
        Answer::new(201).with("docker-content-digest", digest)
    }

    /// Forgets the first layer that a manifest names.
    pub(crate) fn forget(&mut self, manifest: &[u8]) {
        let content: serde_json::Value = serde_json::from_slice(manifest).unwrap();
        let first = parts(&content).pop().unwrap();
        self.blobs.retain(|(_, digest), _| *digest != first);
    }

    /// What is wrong with the tags: each must stand for something that is all there.
    pub(crate) fn broken_tags(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for ((repository, tag), digest) in &self.tags {
            let mut left = vec![digest.clone()];
            while let Some(digest) = left.pop() {
                let key = (repository.clone(), digest.clone());
                if let Some((_, bytes)) = self.manifests.get(&key) {
                    left.extend(parts(&serde_json::from_slice(bytes).unwrap()));
                    if Digest::of(bytes).to_string() != digest {
                        broken.push(format!("{repository}:{tag} has a false manifest"));
                    }
                } else if self
                    .blobs
                    .get(&key)
                    .is_none_or(|blob| Digest::of(blob).to_string() != digest)
                {
                    broken.push(format!("{repository}:{tag} lacks {digest}"));
                }
            }
        }
        broken
    }
}

/// The digests that a manifest or an index names.
fn parts(content: &serde_json::Value) -> Vec<String> {
    let digest = |part: &serde_json::Value| part["digest"].as_str().map(str::to_owned);
    let listed = ["manifests", "layers"]
        .into_iter()
        .filter_map(|name| content[name].as_array())
        .flatten();
    listed
        .chain([&content["config"]])
        .filter_map(digest)
        .collect()
}
