//! `kill -9`, in a loop, under load: nothing that was acknowledged is lost, nothing is half done.
#![expect(
    clippy::print_stdout,
    reason = "the counts are worth reading: --nocapture shows them"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use phoneproof_tests::{Actor, Program, TestStore, text};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::Notify;

const ROUNDS: usize = 8;
/// Acknowledged changes after which a round ends, in the middle of whatever goes on then.
const CHANGES_A_ROUND: usize = 300;
/// One client for each pair; test numbers of real area codes, a hundred in each, so that the code is known.
const AREA_CODES: [[&str; 2]; 16] = [
    ["205", "214"],
    ["206", "215"],
    ["212", "216"],
    ["213", "303"],
    ["305", "314"],
    ["310", "323"],
    ["312", "402"],
    ["404", "408"],
    ["415", "410"],
    ["503", "412"],
    ["512", "480"],
    ["602", "502"],
    ["614", "508"],
    ["617", "510"],
    ["702", "516"],
    ["713", "520"],
];

/// How far a number is, in the order in which a client goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Added,
    Prepared,
    Verified,
    SecondFactor,
}

impl Stage {
    /// Every second number becomes a second factor; the others are there to sign in with.
    const fn next(self, at: usize) -> Option<Self> {
        match self {
            Self::Added => Some(Self::Prepared),
            Self::Prepared => Some(Self::Verified),
            Self::Verified if at % 2 == 1 => Some(Self::SecondFactor),
            Self::Verified | Self::SecondFactor => None,
        }
    }

    fn of(shown: &Value) -> Self {
        if shown["reserved_for_second_factor"] == true {
            return Self::SecondFactor;
        }
        match shown["verification"]["status"].as_str() {
            Some("verified") => Self::Verified,
            Some(_) => Self::Prepared,
            None => Self::Added,
        }
    }
}

/// What was acknowledged to one user: for each number its id and how far it is.
struct Client {
    user: String,
    token: String,
    areas: [&'static str; 2],
    numbers: Vec<(String, Stage)>,
    /// What was under way when the server died: the number, and how far it would be now.
    in_doubt: Option<(usize, Stage)>,
}

/// Counts acknowledged changes, and says when there are enough.
#[derive(Default)]
struct Tally {
    acknowledged: AtomicUsize,
    enough: Notify,
}

impl Client {
    fn number(&self, at: usize) -> String {
        format!("+1{}55501{:02}", self.areas[at / 100], at % 100)
    }

    /// Goes on from where it is until the server is gone.
    async fn work(&mut self, server: &Actor, tally: &Tally) {
        loop {
            let at = self.numbers.len().saturating_sub(1);
            let unfinished = self.numbers.last().and_then(|(_, stage)| stage.next(at));
            let (at, stage) = unfinished.map_or((self.numbers.len(), Stage::Added), |stage| (at, stage));
            self.in_doubt = Some((at, stage));
            let Some(shown) = self.advance(server, at, stage).await else {
                return;
            };
            self.in_doubt = None;
            match self.numbers.get_mut(at) {
                Some(number) => number.1 = stage,
                None => self.numbers.push((text(&shown["id"]).to_owned(), stage)),
            }
            if tally.acknowledged.fetch_add(1, Ordering::SeqCst) + 1 >= CHANGES_A_ROUND {
                tally.enough.notify_one();
            }
        }
    }

    /// One change, as it was answered; none if the server gave no answer.
    async fn advance(&self, server: &Actor, at: usize, stage: Stage) -> Option<Value> {
        let path = self
            .numbers
            .get(at)
            .map(|(id, _)| format!("/v1/me/phone_numbers/{id}"))
            .unwrap_or_default();
        let number = self.number(at);
        let (path, field, value) = match stage {
            Stage::Added => ("/v1/me/phone_numbers".to_owned(), "phone_number", number.as_str()),
            Stage::Prepared => (format!("{path}/prepare_verification"), "strategy", "phone_code"),
            Stage::Verified => (format!("{path}/attempt_verification"), "code", "424242"),
            Stage::SecondFactor => (format!("{path}?_method=PATCH"), "reserved_for_second_factor", "true"),
        };
        let request = server.request(Method::POST, &path).form(&[(field, value)]);
        let answer = request.send().await.ok()?;
        let status = answer.status();
        let answer: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
        assert_eq!(status, 200, "{number} {stage:?}: {answer:#}");
        Some(answer["response"].clone())
    }

    /// Compares what the server still knows with what it acknowledged; answers how many changes
    /// are lost.
    fn lost(&mut self, me: &Value) -> usize {
        let shown: BTreeMap<&str, &Value> = me["phone_numbers"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|number| (text(&number["phone_number"]), number))
            .collect();
        let mut lost = 0;
        for (at, (id, stage)) in self.numbers.iter().enumerate() {
            match shown.get(self.number(at).as_str()) {
                Some(number) if number["id"] == id.as_str() => {
                    let may_be = self
                        .in_doubt
                        .filter(|doubt| doubt.0 == at)
                        .map_or(*stage, |doubt| doubt.1);
                    let is = Stage::of(number);
                    assert!(is <= may_be, "{is:?}, but nobody asked for more than {may_be:?}");
                    lost += usize::from(is < *stage);
                }
                _ => lost += 1,
            }
        }
        // What was under way is done, or it is not; nothing else turns up.
        match self.in_doubt.take() {
            Some((at, Stage::Added)) => {
                if let Some(number) = shown.get(self.number(at).as_str()) {
                    self.numbers.push((text(&number["id"]).to_owned(), Stage::Added));
                }
            }
            Some((at, _)) => {
                if let Some(number) = shown.get(self.number(at).as_str()) {
                    self.numbers[at].1 = Stage::of(number);
                }
            }
            None => {}
        }
        assert_eq!(shown.len(), self.numbers.len(), "{}: {me:#}", self.user);
        lost
    }
}

/// A second factor without its default or without backup codes would be half a change.
fn check_whole(me: &Value) {
    let numbers = me["phone_numbers"].as_array().map_or(&[][..], Vec::as_slice);
    let having = |flag: &str| numbers.iter().filter(|number| number[flag] == true).count();
    let on = having("reserved_for_second_factor") > 0;
    assert_eq!(having("default_second_factor"), usize::from(on), "{me:#}");
    assert_eq!(
        (&me["two_factor_enabled"], &me["backup_code_enabled"]),
        (&on.into(), &on.into()),
        "{me:#}"
    );
    let verified = numbers
        .iter()
        .any(|number| number["verification"]["status"] == "verified");
    assert_eq!(me["primary_phone_number_id"].is_string(), verified, "{me:#}");
}

fn options(store: &TestStore) -> BTreeMap<String, String> {
    let more = [("SERVER__LISTEN", "127.0.0.1:0"), ("LOG__LEVEL", "error")];
    let more = more.map(|(name, value)| (format!("PHONEPROOF__{name}"), value.to_owned()));
    store.options().into_iter().chain(more).collect()
}

fn clients(options: &BTreeMap<String, String>) -> Vec<Client> {
    let client = |areas: &[&'static str; 2]| {
        let user = format!("user_{}", areas[0]);
        let token = Program::run(&["dev", "token", "--user", &user], options).stdout;
        Client {
            token: String::from_utf8_lossy(&token).trim().to_owned(),
            user,
            areas: *areas,
            numbers: Vec::new(),
            in_doubt: None,
        }
    };
    AREA_CODES.iter().map(client).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_by_kill_9() {
    let store = TestStore::create();
    let options = options(&store);
    let mut clients = clients(&options);
    let (mut acknowledged, mut in_doubt, mut lost) = (0, 0, 0);
    for round in 0..ROUNDS {
        let mut program = Program::serve(&options);
        let tally = Arc::new(Tally::default());
        let working = clients.into_iter().map(|mut client| {
            let (server, tally) = (program.actor(Some(&client.token)), Arc::clone(&tally));
            tokio::spawn(async move {
                client.work(&server, &tally).await;
                client
            })
        });
        let working: Vec<_> = working.collect();
        tally.enough.notified().await;
        program.kill();
        clients = join_all(working).await.into_iter().map(Result::unwrap).collect();
        acknowledged += tally.acknowledged.load(Ordering::SeqCst);
        in_doubt += clients.iter().filter(|client| client.in_doubt.is_some()).count();

        let program = Program::serve(&options);
        for client in &mut clients {
            let me = program
                .actor(Some(&client.token))
                .get("/v1/me")
                .await
                .response()
                .clone();
            check_whole(&me);
            let missing = client.lost(&me);
            assert_eq!(missing, 0, "round {round}, {}: {me:#}", client.user);
            lost += missing;
        }
    }
    println!("kill -9, {ROUNDS} times: {acknowledged} changes acknowledged, {lost} lost, {in_doubt} under way");
    assert!(
        acknowledged >= ROUNDS * CHANGES_A_ROUND && in_doubt >= ROUNDS,
        "no load: {acknowledged}, {in_doubt}"
    );
}
