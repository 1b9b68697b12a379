//! A request that can be sent, and shown as a `curl`.

use serde_json::Value;
use upstream::http::{Outbound, Seen, Visit};

/// Tokens are long; shown replies keep their ends.
const SHOWN_OF_A_TOKEN: usize = 24;

#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    method: &'static str,
    url: &'a str,
    basic: Option<(&'a str, &'a str)>,
    /// `Authorization`, when it is no `basic`.
    presented: Option<String>,
    /// `DPoP`
    proof: Option<String>,
    form: Vec<(&'a str, &'a str)>,
}

impl<'a> Request<'a> {
    pub(super) fn get(url: &'a str) -> Self {
        Self { method: "GET", url, basic: None, presented: None, proof: None, form: Vec::new() }
    }

    pub(super) fn post(url: &'a str) -> Self {
        Self { method: "POST", ..Self::get(url) }
    }

    pub(super) fn basic(self, id: &'a str, secret: &'a str) -> Self {
        Self { basic: Some((id, secret)), ..self }
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.presented(format!("Bearer {token}"))
    }

    /// With another scheme.
    pub(super) fn presented(self, credentials: String) -> Self {
        Self { presented: Some(credentials), ..self }
    }

    /// RFC 9449 §4.1.
    pub(super) fn proof(self, proof: String) -> Self {
        Self { proof: Some(proof), ..self }
    }

    pub(super) fn form(self, form: &[(&'a str, &'a str)]) -> Self {
        Self { form: form.to_vec(), ..self }
    }

    /// What a reader can paste into a shell.
    pub(super) fn curl(&self) -> String {
        let mut lines = vec![format!("  curl -sS -X {} {}", self.method, quoted(self.url))];
        if let Some((id, secret)) = self.basic {
            lines.push(format!("-u {}", quoted(&format!("{id}:{secret}"))));
        }
        for (name, value) in self.headers() {
            lines.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
        }
        for (name, value) in &self.form {
            lines.push(format!("--data-urlencode {}", quoted(&format!("{name}={value}"))));
        }
        lines.join(" \\\n    ")
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let headers = [("Authorization", &self.presented), ("DPoP", &self.proof)];
        headers.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect()
    }

    pub(super) async fn send(
        &self,
        visitor: &Outbound,
    ) -> Result<Reply, Box<dyn std::error::Error>> {
        let visit = Visit {
            method: self.method,
            url: self.url,
            basic: self.basic,
            headers: &self.headers(),
            form: (self.method == "POST").then_some(self.form.as_slice()),
        };
        let Seen { status, location, body } = visitor.visit(&visit).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Reply { status, location, json: serde_json::from_str(&body).ok(), body })
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[derive(Debug)]
pub(super) struct Reply {
    pub status: u16,
    pub location: Option<String>,
    pub body: String,
    json: Option<Value>,
}

impl Reply {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.json.as_ref()?.get(name)?.as_str().map(str::to_owned)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.json.as_ref()?.get(name)?.as_bool()
    }

    /// The status, and the body as far as it is worth reading.
    pub(super) fn shown(&self) -> String {
        let mut text = format!("  → {}", self.status);
        if let Some(location) = &self.location {
            text.push_str(&format!("\n    Location: {location}"));
        }
        if let Some(json) = &self.json {
            let pretty = format!("{:#}", shortened(json));
            text.push_str(&format!("\n    {}", pretty.replace('\n', "\n    ")));
        }
        text
    }
}

/// Tokens cut down: they are shown decoded.
fn shortened(json: &Value) -> Value {
    let Value::Object(members) = json else { return json.clone() };
    let short = |(name, value): (&String, &Value)| {
        let text = value.as_str().filter(|_| name.ends_with("_token"));
        let short = text.map(|text| {
            let start: String = text.chars().take(SHOWN_OF_A_TOKEN).collect();
            Value::String(format!("{start}…"))
        });
        (name.clone(), short.unwrap_or_else(|| value.clone()))
    };
    Value::Object(members.iter().map(short).collect())
}
