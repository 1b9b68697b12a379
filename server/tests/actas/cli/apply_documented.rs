//! `actas apply` takes what `configuration.md` shows.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use server::apply::check;

use crate::cli::apply_clients::{jwks, public_key};

/// The `toml` blocks below a heading, up to the next of its kind.
fn blocks(heading: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("configuration.md");
    let text = fs::read_to_string(file).unwrap();
    let (_, below) = text.split_once(&format!("\n### {heading}\n")).unwrap();
    let section = below.split("\n### ").next().unwrap();
    let blocks = section.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_ways_of_client_authentication_that_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    for file in ["orchestrator.jwks.json", "cluster.jwks.json"] {
        write(file, &jwks(&[public_key()]));
    }
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&KeyPair::generate().unwrap()).unwrap();
    write("corp-ca.pem", &authority.pem());

    let shown = blocks("Ways of client authentication");
    // The other file has a section of its own.
    let (other, organizations): (Vec<_>, Vec<_>) =
        shown.into_iter().partition(|block| block.contains("[proxy]"));
    assert_eq!((other.len(), organizations.len()), (1, 5));
    let api =
        "\n[[resources]]\nid = \"https://documents.example.com\"\nscope = \"documents:read\"\n";
    for organization in organizations {
        let file = format!("id = \"acme\"\n\n{organization}{api}");
        if let Err(problems) = check::parse(&file, directory.path()) {
            panic!("{}\n{organization}", problems.join("\n"));
        }
    }
}
