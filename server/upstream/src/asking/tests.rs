//! Who may use whose answer.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use delegation::ports::{Hints, Purpose};
use policy::{Access, Account, Session, Standing, StepUp};
use secrecy::SecretString;

use super::*;

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// Says yes, unless it was told what else to say; remembers what it was asked.
#[derive(Debug)]
struct Scripted {
    about: About,
    next: Mutex<Vec<Result<Standing, UpstreamFault>>>,
    asked: Mutex<Vec<Question>>,
}

#[async_trait]
impl Check for Scripted {
    fn kind(&self) -> &'static str {
        "scripted"
    }

    fn about(&self) -> About {
        self.about
    }

    async fn ask(&self, question: &Question) -> Result<Told, UpstreamFault> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.clone());
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).pop();
        next.unwrap_or_else(|| Ok(yes())).map(Told::from)
    }
}

struct Fixture {
    asking: Asking,
    check: Arc<Scripted>,
}

impl Fixture {
    fn new(about: About) -> Self {
        let check = Scripted { about, next: Mutex::default(), asked: Mutex::default() };
        let check = Arc::new(check);
        let asking = Asking::new("corporate", Arc::<Scripted>::clone(&check), LONGEST_AGE);
        Self { asking, check }
    }

    /// Whether the answer was another exchange's.
    async fn shared(&self, question: &Question) -> bool {
        self.asking.ask(question).await.0.shared
    }

    fn asked(&self) -> usize {
        self.check.asked.lock().unwrap().len()
    }

    async fn says(&self, answer: Result<Standing, UpstreamFault>, question: &Question) {
        self.check.next.lock().unwrap().push(answer.clone());
        let (_, told) = self.asking.ask(question).await;
        assert_eq!(told, answer.map(Told::from));
    }

    /// As if all that is remembered had begun so much earlier.
    fn age(&self, by: Duration) {
        for done in self.asking.remembered.lock().unwrap().values_mut() {
            done.began_at = done.began_at.checked_sub(by).unwrap();
        }
    }

    fn remembered(&self) -> usize {
        self.asking.remembered.lock().unwrap().len()
    }
}

fn yes() -> Standing {
    Standing { account: Account::Active, ..Standing::default() }
}

fn ended() -> Standing {
    Standing { session: Session::Ended, ..Standing::default() }
}

fn bounded() -> Question {
    Question {
        token: Some(SecretString::from("one")),
        user: "alice".to_owned(),
        hints: Hints::default(),
        is_client: false,
        epoch: 1,
        max_age: TEN_SECONDS,
        purpose: None,
    }
}

fn strict() -> Question {
    Question { max_age: Duration::ZERO, ..bounded() }
}

#[tokio::test]
async fn a_yes_is_used_again_within_its_age_and_never_beyond() {
    let fixture = Fixture::new(About::Token);
    assert!(!fixture.shared(&bounded()).await);
    assert!(fixture.shared(&bounded()).await);
    fixture.age(TEN_SECONDS.checked_sub(Duration::from_secs(1)).unwrap());
    let (line, _) = fixture.asking.ask(&bounded()).await;
    assert!(line.shared && 9000 <= line.age_ms && line.mode == "bounded", "{line:?}");
    fixture.age(Duration::from_secs(1));
    assert!(!fixture.shared(&bounded()).await);
    assert_eq!(fixture.asked(), 2);
}

/// Its age counts from when the check began: what happened while it ran may have been too late.
#[tokio::test]
async fn no_declaration_looks_back_further_than_the_longest_age() {
    let fixture = Fixture::new(About::Token);
    let patient = Question { max_age: Duration::from_hours(1), ..bounded() };
    fixture.shared(&patient).await;
    assert!(fixture.shared(&patient).await);
    fixture.age(LONGEST_AGE);
    assert!(!fixture.shared(&patient).await);
}

#[tokio::test]
async fn a_strict_question_uses_nothing_that_is_remembered() {
    let fixture = Fixture::new(About::Token);
    fixture.shared(&bounded()).await;
    let (line, _) = fixture.asking.ask(&strict()).await;
    assert!(!line.shared && line.mode == "strict", "{line:?}");
    assert_eq!(fixture.asked(), 2);
    let fixture = Fixture::new(About::Token);
    fixture.shared(&strict()).await;
    assert_eq!(fixture.remembered(), 0);
}

#[tokio::test]
async fn nothing_is_used_across_epochs() {
    let fixture = Fixture::new(About::Token);
    fixture.shared(&bounded()).await;
    for epoch in [2, 0] {
        let other = Question { epoch, ..bounded() };
        assert!(!fixture.shared(&other).await);
        assert!(fixture.shared(&other).await);
    }
    assert_eq!(fixture.asked(), 3);
}

#[tokio::test]
async fn only_a_yes_is_remembered() {
    let step_up = Standing { access: Access::Demands(StepUp::default()), ..yes() };
    for answer in [Ok(ended()), Ok(step_up), Err(UpstreamFault::OurCredentials)] {
        let fixture = Fixture::new(About::Token);
        fixture.says(answer, &bounded()).await;
        assert_eq!(fixture.remembered(), 0);
        assert!(!fixture.shared(&bounded()).await);
    }
}

/// Also one that was said to somebody who would not have used the yes.
#[tokio::test]
async fn a_no_or_a_fault_takes_a_yes_back() {
    for answer in [Ok(ended()), Err(UpstreamFault::OurCredentials)] {
        let fixture = Fixture::new(About::Token);
        fixture.shared(&bounded()).await;
        assert_eq!(fixture.remembered(), 1);
        fixture.says(answer, &strict()).await;
        assert_eq!(fixture.remembered(), 0);
        assert!(!fixture.shared(&bounded()).await);
    }
}

/// Whatever a check may depend on, or one user's answer would be given for another.
#[tokio::test]
async fn questions_that_differ_share_nothing() {
    let purpose = |target: &str| Purpose {
        issuer: "i".to_owned(),
        actor: "agent:a".to_owned(),
        target: target.to_owned(),
        scope: Vec::new(),
        depth: 1,
    };
    let hints = |session: &str| Hints { session: Some(session.to_owned()), ..Hints::default() };
    let token = |text: &str| Some(SecretString::from(text));
    let fixture = Fixture::new(About::Purpose);
    for question in [
        bounded(),
        Question { user: "bob".to_owned(), ..bounded() },
        Question { token: token("two"), ..bounded() },
        Question { token: None, ..bounded() },
        Question { hints: hints("one"), ..bounded() },
        Question { hints: hints("two"), ..bounded() },
        Question { is_client: true, ..bounded() },
        Question { purpose: Some(purpose("one")), ..bounded() },
        Question { purpose: Some(purpose("two")), ..bounded() },
    ] {
        assert!(!fixture.shared(&question).await, "{question:?}");
        assert!(fixture.shared(&question).await, "{question:?}");
    }
}

/// Many agents of one user, each with a token of its own.
#[tokio::test]
async fn a_check_of_the_user_is_shared_between_tokens_and_uses() {
    let fixture = Fixture::new(About::User);
    let with = |token: &str, signed_in_at, target: &str| Question {
        token: Some(SecretString::from(token)),
        hints: Hints {
            token_id: Some(token.to_owned()),
            signed_in_at: Some(signed_in_at),
            session: Some("s".to_owned()),
            ..Hints::default()
        },
        purpose: Some(Purpose {
            issuer: "i".to_owned(),
            actor: "agent:a".to_owned(),
            target: target.to_owned(),
            scope: Vec::new(),
            depth: 1,
        }),
        ..bounded()
    };
    assert!(!fixture.shared(&with("one", 1, "a")).await);
    assert!(fixture.shared(&with("two", 2, "b")).await);
    // Another session of the user's is another question.
    let mut other = with("one", 1, "a");
    other.hints.session = Some("other".to_owned());
    assert!(!fixture.shared(&other).await);
    // And what the answer must not depend on, the check does not see.
    for question in fixture.check.asked.lock().unwrap().iter() {
        assert!(question.token.is_none() && question.purpose.is_none());
        assert!(question.hints.token_id.is_none() && question.hints.signed_in_at.is_none());
    }
}

#[tokio::test]
async fn a_check_of_the_token_is_shared_between_uses_only() {
    let fixture = Fixture::new(About::Token);
    assert!(!fixture.shared(&bounded()).await);
    let purpose = Purpose {
        issuer: "i".to_owned(),
        actor: "agent:a".to_owned(),
        target: "t".to_owned(),
        scope: Vec::new(),
        depth: 1,
    };
    assert!(fixture.shared(&Question { purpose: Some(purpose), ..bounded() }).await);
    let other = Question { token: Some(SecretString::from("two")), ..bounded() };
    assert!(!fixture.shared(&other).await);
    let asked = fixture.check.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|question| question.token.is_some() && question.purpose.is_none()));
}

#[tokio::test]
async fn an_inspection_neither_uses_nor_leaves_anything() {
    let fixture = Fixture::new(About::Token);
    fixture.shared(&bounded()).await;
    let (line, told) = fixture.asking.inspect(&bounded()).await;
    assert!(!line.shared && told == Ok(yes().into()));
    assert_eq!((fixture.asked(), fixture.remembered()), (2, 1));
}

#[tokio::test]
async fn a_passing_fault_is_asked_about_once_more() {
    let fixture = Fixture::new(About::Token);
    fixture.check.next.lock().unwrap().push(Err(UpstreamFault::Status(502)));
    let (_, told) = fixture.asking.ask(&strict()).await;
    assert_eq!((told, fixture.asked()), (Ok(yes().into()), 2));
    let refused = Err(UpstreamFault::Status(404));
    fixture.check.next.lock().unwrap().push(refused);
    let (line, told) = fixture.asking.ask(&strict()).await;
    assert_eq!((told, fixture.asked()), (Err(UpstreamFault::Status(404)), 3));
    assert_eq!(line.answer, "unknown");
}

#[tokio::test]
async fn what_is_remembered_is_bounded() {
    let fixture = Fixture::new(About::Token);
    fixture.shared(&bounded()).await;
    let done = fixture.asking.remembered.lock().unwrap().values().next().unwrap().clone();
    let fill = |began_at: Instant| {
        let mut remembered = fixture.asking.remembered.lock().unwrap();
        remembered.clear();
        for n in 0..REMEMBERED {
            let key = keys::sha256(&n.to_be_bytes());
            remembered.insert(key, Done { began_at, ..done.clone() });
        }
    };
    fill(done.began_at.checked_sub(LONGEST_AGE * 2).unwrap());
    fixture.shared(&bounded()).await;
    assert_eq!(fixture.remembered(), 1, "the old ones go first");
    fill(Instant::now());
    fixture.shared(&bounded()).await;
    assert_eq!(fixture.remembered(), 1, "rather all than one too many");
}
