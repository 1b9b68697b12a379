//! The pages people see. No script, and a content security policy that would forbid one.

use base64::{Engine, engine::general_purpose::STANDARD};
use url::Url;

use super::authorize::PARAMETERS;
use crate::wire::{Parameters, Reply};

/// INVARIANT: the text of the style element to the letter; the policy names its hash.
const STYLE: &str = "\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:#eef1f6;color:#1c2433;\
font:16px/1.5 system-ui,sans-serif}\
main{width:min(24rem,92vw);padding:2rem;background:#fff;border-radius:14px;\
box-shadow:0 10px 40px rgb(28 36 51/14%)}\
h1{margin:0;font-size:1.35rem}\
p{margin:.4rem 0 1.4rem;color:#5a6478}\
label{display:block;margin:0 0 1rem;font-weight:600;font-size:.9rem}\
input{display:block;width:100%;margin-top:.3rem;padding:.65rem .8rem;font:inherit;\
border:1px solid #c3cad8;border-radius:8px}\
input:focus{outline:3px solid #a9c1ff;border-color:#3b66d6}\
button{width:100%;padding:.75rem;border:0;border-radius:8px;background:#2f57c4;color:#fff;\
font:inherit;font-weight:600;cursor:pointer}\
button:hover{background:#26489f}\
.complaint{padding:.6rem .8rem;border-radius:8px;background:#fdecec;color:#8c1d1d}\
footer{margin-top:1.4rem;font-size:.8rem;color:#7b8497}";

pub(super) fn login(parameters: &Parameters, redirect_uri: &Url, complaint: Option<&str>) -> Reply {
    let hidden = |name: &str| {
        let value = escaped(parameters.value(name)?);
        Some(format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"))
    };
    let carried = PARAMETERS.into_iter().filter_map(hidden).collect::<Vec<_>>().concat();
    let client = escaped(parameters.value("client_id").unwrap_or_default());
    let username = escaped(parameters.value("username").unwrap_or_default());
    let (status, complaint) = match complaint {
        Some(text) => (403, format!("<p class=\"complaint\" role=\"alert\">{text}</p>")),
        None => (200, String::new()),
    };
    let body = format!(
        "<h1>Sign in</h1><p>to continue to <strong>{client}</strong></p>{complaint}\
         <form method=\"post\" action=\"login\" autocomplete=\"off\">{carried}\
         <label>User<input name=\"username\" value=\"{username}\" required autofocus></label>\
         <label>Password<input name=\"password\" type=\"password\" required></label>\
         <button>Sign in</button></form>"
    );
    // Browsers apply `form-action` to the redirect that answers a form, too.
    page(status, &body, &format!("'self' {}", redirect_uri.origin().ascii_serialization()))
}

/// For mistakes after which the browser must not be sent anywhere.
pub(super) fn error(text: &str) -> Reply {
    page(400, &format!("<h1>This cannot work</h1><p>{text}</p>"), "'none'")
}

fn page(status: u16, body: &str, form_action: &str) -> Reply {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>Development identity provider</title><style>{STYLE}</style></head>\
         <body><main>{body}<footer>Development identity provider. Not for real passwords.\
         </footer></main></body></html>"
    );
    let style_hash = STANDARD.encode(keys::sha256(STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style_hash}'; form-action {form_action}; \
         frame-ancestors 'none'; base-uri 'none'"
    );
    Reply::html(status, html)
        .with("content-security-policy", &policy)
        .with("x-content-type-options", "nosniff")
        .with("referrer-policy", "no-referrer")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
