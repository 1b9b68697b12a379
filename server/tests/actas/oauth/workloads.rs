//! Clients that are known by what their platform says of them: Kubernetes, CI.

use keys::SigningKey;
use serde_json::{Value, json};
use server::clock;

use super::asserting::{
    METADATA, Publisher, US, asserted, happy, is_nobody, is_unknown, new_key, orchestrator,
    platform_token,
};
use crate::{
    database::Kind,
    directory::Directory,
    http::Request,
    process::eventually,
    scene::{Scene, changed},
};

const POD: &str = "system:serviceaccount:agents:orchestrator";
/// One that two clients are.
const SHARED: &str = "system:serviceaccount:agents:shared";
const BRANCH: &str = "repo:acme/agents:ref:refs/heads/main";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// Two platforms, of which one is also a cluster that may be asked.
struct Platforms {
    cluster: Publisher,
    ci: Publisher,
    scene: Scene,
}

impl Platforms {
    fn start() -> Self {
        let (cluster, ci) = (Publisher::start(), Publisher::start());
        let scene = Scene::declared(Kind::Sqlite, |_, org| {
            let workload = |issuer: &str, subject: &str| {
                format!("{{ issuer = \"{issuer}\", subject = \"{subject}\", audience = \"{US}\" }}")
            };
            let settings = |workloads: &[String]| {
                let list = workloads.join(", ");
                format!("auth_methods = [\"workload_identity\"]\nworkloads = [{list}]")
            };
            let all =
                [workload("cluster", POD), workload("cluster", SHARED), workload("ci", BRANCH)];
            let issuers = [("cluster", &cluster), ("ci", &ci)].map(|(id, publisher)| {
                format!(
                    "\n[[workload_issuers]]\nid = \"{id}\"\nissuer = \"{}\"\n",
                    publisher.issuer()
                )
            });
            let researcher = "id = \"researcher\"\n";
            let other = format!("{researcher}{}\n", settings(&all[1..2]));
            let org = changed(&org, researcher, &other);
            orchestrator(&org, &settings(&all), &issuers.concat())
        });
        Self { cluster, ci, scene }
    }

    fn signed(&self, by: &SigningKey, claims: &Value) -> Request {
        let token = platform_token(self.cluster.issuer(), by, claims);
        asserted(happy(&self.scene), &token)
    }

    /// The cluster says so of who asks.
    fn pod(&self, claims: &Value) -> Request {
        self.signed(&self.cluster.key, claims)
    }
}

#[test]
fn what_a_platform_says_is_believed_to_the_letter() {
    let platforms = Platforms::start();
    let scene = &platforms.scene;
    let good = platforms.pod(&json!({ "sub": POD }));
    // A pod presents it as often as it likes.
    for _ in 0..2 {
        assert_eq!(scene.send(&good).claims()["act"]["sub"], "agent:orchestrator");
    }
    let event = scene.records().pop().unwrap();
    assert_eq!(
        (&event["authenticated_by"], &event["client"]),
        (&json!("workload_identity"), &json!("orchestrator"))
    );
    let now = clock::now().0;
    for (what, claims) in [
        ("another subject", json!({ "sub": "system:serviceaccount:agents:other" })),
        ("the beginning of one", json!({ "sub": "system:serviceaccount:agents" })),
        ("another audience", json!({ "sub": POD, "aud": ["https://kubernetes.default.svc"] })),
        ("two audiences", json!({ "sub": POD, "aud": [US, "https://kubernetes.default.svc"] })),
        ("expired", json!({ "sub": POD, "exp": now - 60 })),
        ("another platform's subject", json!({ "sub": BRANCH })),
    ] {
        is_nobody(scene, &platforms.pod(&claims), what);
    }
    let subject = json!({ "sub": POD });
    is_nobody(scene, &platforms.signed(&platforms.ci.key, &subject), "another platform's key");
    is_nobody(scene, &platforms.signed(&new_key(), &subject), "nobody's key");
    scene.send(&good).token();
}

#[test]
fn each_platform_speaks_for_its_own_and_others_for_nobody() {
    let platforms = Platforms::start();
    let (scene, ci) = (&platforms.scene, &platforms.ci);
    let job = |publisher: &Publisher, subject: &str| {
        let claims = json!({ "sub": subject, "aud": US });
        let token = platform_token(publisher.issuer(), &publisher.key, &claims);
        asserted(happy(scene), &token)
    };
    assert_eq!(scene.send(&job(ci, BRANCH)).claims()["act"]["sub"], "agent:orchestrator");
    is_nobody(scene, &job(ci, "repo:acme/agents:pull_request"), "another workflow");
    let stranger = Publisher::start();
    is_nobody(scene, &job(&stranger, BRANCH), "a platform that is not declared");
    assert_eq!(stranger.site.asked().len(), 0, "what an assertion names leads nowhere");
    assert_eq!((ci.fetched(), platforms.cluster.fetched()), (1, 0));
}

/// `OpenID` Connect Discovery 1.0 §4.3, and an attacker who would like to be asked for its keys.
#[test]
fn a_platform_whose_metadata_names_another_is_not_believed() {
    let platforms = Platforms::start();
    let (scene, cluster) = (&platforms.scene, &platforms.cluster);
    let names = |issuer: &str| {
        let metadata = json!({ "issuer": issuer, "jwks_uri": cluster.keys() });
        cluster.site.says(METADATA, 200, &metadata);
    };
    let good = platforms.pod(&json!({ "sub": POD }));
    names(platforms.ci.issuer());
    is_unknown(scene, &good, "another issuer");
    assert_eq!(cluster.fetched(), 0);
    names(cluster.issuer());
    eventually("it is asked again", || (scene.send(&good).status == 200).then_some(()));
}

#[test]
fn of_two_clients_that_are_one_workload_the_request_names_its_own() {
    let platforms = Platforms::start();
    let scene = &platforms.scene;
    let shared = platforms.pod(&json!({ "sub": SHARED }));
    is_nobody(scene, &shared, "either");
    scene.send(&shared.with("client_id", "orchestrator")).token();
    let pod = platforms.pod(&json!({ "sub": POD }));
    is_nobody(scene, &pod.clone().with("client_id", "researcher"), "another client");
    is_nobody(scene, &pod.clone().with("client_id", "nobody"), "no client");
    scene.send(&pod.with("client_id", "orchestrator")).token();
}

#[test]
fn the_cluster_has_the_last_word() {
    let (platforms, api) = (Platforms::start(), Directory::start());
    let Platforms { mut scene, cluster, ci } = platforms;
    let file = scene.site.path("token");
    scene.site.write("token", "our-own-token\n");
    let id = "id = \"cluster\"\n";
    let (url, file) = (&api.url, file.display());
    let review = format!("token_review = {{ url = \"{url}\", token_file = \"{file}\" }}\n");
    scene.change(id, &format!("{id}{review}"));
    let sent = |publisher: &Publisher, subject: &str| {
        let claims = json!({ "sub": subject });
        let token = platform_token(publisher.issuer(), &publisher.key, &claims);
        (asserted(happy(&scene), &token), token)
    };
    let (pod, token) = sent(&cluster, POD);
    let good = json!({ "authenticated": true, "audiences": [US] });
    let says = |status: &Value| api.says(REVIEWS, 201, &json!({ "status": status }));
    says(&good);
    scene.send(&pod).token();
    let asked: Value = serde_json::from_str(&api.asked()[0].body).unwrap();
    assert_eq!(asked["spec"], json!({ "token": token, "audiences": [US] }));

    says(&json!({ "authenticated": false, "error": "the pod is gone" }));
    is_nobody(&scene, &pod, "a pod that is gone");
    says(&json!({ "authenticated": true, "audiences": ["https://kubernetes.default.svc"] }));
    is_unknown(&scene, &pod, "a yes about another audience");
    says(&json!("good"));
    is_unknown(&scene, &pod, "no review at all");
    api.says(REVIEWS, 500, &json!({ "status": good }));
    is_unknown(&scene, &pod, "a cluster that is ill");
    api.is_down(REVIEWS);
    is_unknown(&scene, &pod, "a cluster that is away");

    let asked = api.asked().len();
    is_nobody(&scene, &sent(&cluster, "system:serviceaccount:agents:other").0, "another pod");
    scene.send(&sent(&ci, BRANCH).0).token();
    assert_eq!(api.asked().len(), asked, "about its own, and about nobody else");
    says(&good);
    scene.send(&pod).token();
}
