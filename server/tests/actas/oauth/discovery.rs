//! What an organization says of itself follows what is declared. The form of it is asserted in
//! `conformance/`.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    scene::{Scene, changed},
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn said(scene: &Scene) -> Value {
    scene.server.get("/.well-known/oauth-authorization-server/o/acme").json()
}

#[test]
fn an_organization_that_declares_nothing_more_offers_secrets_and_the_exchange() {
    let document = said(&Scene::on(Kind::Sqlite));
    assert_eq!(document["grant_types_supported"], json!([EXCHANGE]));
    let secrets = json!(["client_secret_basic", "client_secret_post"]);
    for endpoint in ["token", "introspection", "revocation"] {
        assert_eq!(document[format!("{endpoint}_endpoint_auth_methods_supported")], secrets);
    }
    let absent = [
        "token_endpoint_auth_signing_alg_values_supported",
        "introspection_endpoint_auth_signing_alg_values_supported",
        "revocation_endpoint_auth_signing_alg_values_supported",
        "tls_client_certificate_bound_access_tokens",
        "authorization_grant_profiles_supported",
        "identity_chaining_requested_token_types_supported",
    ];
    for name in absent {
        assert_eq!(document.get(name), None, "{name}");
    }
    let proofs = json!(["ES256", "EdDSA", "PS256", "RS256"]);
    assert_eq!(document["dpop_signing_alg_values_supported"], proofs);
}

#[test]
fn what_clients_are_registered_for_is_offered() {
    let scene = Scene::declared(Kind::Sqlite, |_, org| {
        let agent = "scope = \"documents:read\"\n\n[[resources]]";
        let more = "auth_methods = [\"private_key_jwt\"]\njwks_uri = \"https://agent.example/jwks\"\n\
                    signing_algorithms = [\"ES256\", \"PS256\"]\n\
                    grant_types = [\"client_credentials\", \"jwt_bearer\"]";
        changed(&org, agent, &format!("{more}\n{agent}"))
    });
    let document = said(&scene);
    let grants = json!([EXCHANGE, "client_credentials", JWT_BEARER]);
    assert_eq!(document["grant_types_supported"], grants);
    let methods = json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]);
    for endpoint in ["token", "introspection", "revocation"] {
        let of = |what: &str| &document[format!("{endpoint}_endpoint_auth_{what}_supported")];
        assert_eq!(of("methods"), &methods, "{endpoint}");
        assert_eq!(of("signing_alg_values"), &json!(["ES256", "PS256"]), "{endpoint}");
    }
}

#[test]
fn grants_of_others_are_named_where_they_are_taken() {
    let kinds = "kinds = [\"access_token\", \"id_jag\"]";
    let grants = "grant_types = [\"token_exchange\", \"jwt_bearer\"]";
    let agent = "scope = \"documents:read documents:write\"\n\n[[agents]]\nid = \"researcher\"";
    let declared = |kinds: &str, grants: &str| {
        Scene::declared(Kind::Sqlite, |_, org| {
            let org = crate::scene::connected(&org, kinds);
            changed(&org, agent, &format!("{grants}\n{agent}"))
        })
    };
    let profiles = "authorization_grant_profiles_supported";
    let document = said(&declared(kinds, grants));
    assert_eq!(document[profiles], json!(["urn:ietf:params:oauth:grant-profile:id-jag"]));
    // Nobody may ask for it, or nobody is believed.
    assert_eq!(said(&declared(kinds, "")).get(profiles), None);
    assert_eq!(said(&declared("", grants)).get(profiles), None);
}

#[test]
fn assertions_for_other_domains_are_named_where_there_are_some() {
    let scene = Scene::declared(Kind::Sqlite, |_, org| {
        format!(
            "{org}\n[[authorization_servers]]\nid = \"https://as.partner.example\"\n\
             scope = \"chat:read\"\nresources = [\"https://mcp.partner.example\"]\n"
        )
    });
    let document = said(&scene);
    let types = ["urn:ietf:params:oauth:token-type:id-jag", "urn:ietf:params:oauth:token-type:jwt"];
    assert_eq!(document["identity_chaining_requested_token_types_supported"], json!(types));
    // What is to be had there is not ours to offer.
    assert_eq!(document["scopes_supported"], json!(["documents:read", "documents:write"]));
    assert_eq!(document["protected_resources"], json!(["https://documents.example"]));
}
