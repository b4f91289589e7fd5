use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Actor, Answer};

/// How long a state of the load is waited for before its test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many answers there were of each kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    /// Changes that were acknowledged.
    pub acknowledged: usize,
    /// Changes that were refused with 503 and `Retry-After`.
    pub refused: usize,
    /// Reads of what was acknowledged.
    pub read: usize,
    /// Reads that were refused.
    pub unread: usize,
    /// Answers that should not be; they end whatever waits for the load.
    pub wrong: usize,
    /// How long the slowest refusal took.
    pub slowest_refusal: Duration,
}

/// What a store has of what was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Acknowledged users that are not there.
    pub lost: usize,
    /// Users that are there more than once, such as one whose creation was refused and done all the same.
    pub doubled: usize,
}

/// Clients of the back-end API that create users without a pause, each of a name of its own. What is refused is asked
/// for again under the same name until it is acknowledged; another client reads meanwhile.
pub struct Load {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    /// What all names begin with.
    name: String,
    tally: watch::Sender<Tally>,
    /// A phone number for each try: of the same one twice the second would be refused, and hide that both were done.
    next_number: AtomicU32,
    /// Names and ids of the users that were acknowledged.
    users: Mutex<BTreeMap<String, String>>,
    /// Answers that should not be.
    wrong: Mutex<Vec<String>>,
}

impl Shared {
    fn is_wrong(&self, answer: &Answer) {
        locked(&self.wrong).push(format!("{} {:?} {}", answer.status, answer.headers, answer.text));
        self.tally.send_modify(|tally| tally.wrong += 1);
    }

    fn check(&self) {
        let wrong = locked(&self.wrong);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

impl Load {
    /// Sets `clients` to work on the server of `back_end`.
    #[must_use]
    pub fn start(back_end: &Actor, clients: usize) -> Self {
        Self::start_as("", back_end, clients)
    }

    /// The same with a beginning for all names, where several loads share a store.
    #[must_use]
    pub fn start_as(name: &str, back_end: &Actor, clients: usize) -> Self {
        let shared = Arc::new(Shared {
            tally: watch::Sender::new(Tally::default()),
            name: name.to_owned(),
            // Loads that share a store share no number.
            next_number: AtomicU32::new(
                2_220_000 + name.bytes().map(|byte| u32::from(byte) % 8).sum::<u32>() * 600_000,
            ),
            users: Mutex::default(),
            wrong: Mutex::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let writers = (0..clients).map(|at| tokio::spawn(write(at, back_end.clone(), shared.clone(), stopped.clone())));
        let mut clients: Vec<_> = writers.collect();
        clients.push(tokio::spawn(read(back_end.clone(), shared.clone(), stopped)));
        Self { shared, stop, clients }
    }

    /// The counts so far.
    pub fn tally(&self) -> Tally {
        *self.shared.tally.borrow()
    }

    /// Waits until the counts are as `enough` wants them. Panics if an answer was none of those that may be.
    pub async fn until(&self, enough: impl Fn(&Tally) -> bool) -> Tally {
        let mut tally = self.shared.tally.subscribe();
        let seen = tally.wait_for(|tally| tally.wrong > 0 || enough(tally));
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        self.shared.check();
        match seen {
            Ok(Ok(tally)) => *tally,
            Ok(Err(_)) | Err(_) => panic!("this never came: {:?} are the counts", self.tally()),
        }
    }

    /// Names and ids of the users that were acknowledged so far.
    pub fn acknowledged(&self) -> BTreeMap<String, String> {
        locked(&self.shared.users).clone()
    }

    /// Drops the clients, whose server may be gone; answers what they were acknowledged.
    pub async fn abandon(mut self) -> BTreeMap<String, String> {
        for client in self.clients.drain(..) {
            client.abort();
            let _ = client.await;
        }
        self.acknowledged()
    }

    /// Lets the clients finish; answers what they were acknowledged. Panics if an answer was none of those that may be.
    pub async fn stop(mut self) -> (Tally, BTreeMap<String, String>) {
        self.stop.send_replace(true);
        for client in self.clients.drain(..) {
            assert!(client.await.is_ok(), "a client of the load panicked");
        }
        self.shared.check();
        (self.tally(), self.acknowledged())
    }
}

/// Compares what the server of `back_end` has with what was acknowledged.
pub async fn kept(back_end: &Actor, acknowledged: &BTreeMap<String, String>) -> Kept {
    let mut there: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for page in 0.. {
        let list = back_end
            .get(&format!(
                "/v1/users?limit=500&offset={}&order_by=created_at",
                page * 500
            ))
            .await;
        let users = list.resource().as_array().cloned().unwrap_or_default();
        if users.is_empty() {
            break;
        }
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        for user in users {
            let ids = there.entry(text(&user["first_name"])).or_default();
            let id = text(&user["id"]);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    let is_there = |(name, id): &(&String, &String)| there.get(*name).is_some_and(|ids| ids.contains(id));
    Kept {
        lost: acknowledged.iter().filter(|user| !is_there(user)).count(),
        doubled: there.values().filter(|ids| ids.len() > 1).count(),
    }
}

async fn write(at: usize, back_end: Actor, shared: Arc<Shared>, stop: watch::Receiver<bool>) {
    let mut next = 0;
    while !*stop.borrow() {
        let name = format!("{}{at}-{next}", shared.name);
        let number = format!("+1415{}", shared.next_number.fetch_add(1, Ordering::Relaxed));
        let user = json!({ "first_name": name, "phone_number": [number] });
        #[expect(clippy::disallowed_methods, reason = "what is promised is real time")]
        let asked = Instant::now();
        let answer = back_end.json(Method::POST, "/v1/users", &user).await;
        let took = asked.elapsed();
        match (answer.status, answer.header("retry-after"), answer.json["id"].as_str()) {
            (200, _, Some(id)) => {
                locked(&shared.users).insert(name, id.to_owned());
                shared.tally.send_modify(|tally| tally.acknowledged += 1);
                next += 1;
            }
            (503, Some(_), _) => shared.tally.send_modify(|tally| {
                tally.refused += 1;
                tally.slowest_refusal = tally.slowest_refusal.max(took);
            }),
            _ => return shared.is_wrong(&answer),
        }
    }
}

async fn read(back_end: Actor, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut acknowledged = shared.tally.subscribe();
    while !*stop.borrow() {
        let first = locked(&shared.users).values().next().cloned();
        let Some(id) = first else {
            tokio::select! {
                _ = acknowledged.changed() => {}
                _ = stop.changed() => {}
            }
            continue;
        };
        let answer = back_end.get(&format!("/v1/users/{id}")).await;
        match answer.status {
            200 => shared.tally.send_modify(|tally| tally.read += 1),
            503 => shared.tally.send_modify(|tally| tally.unread += 1),
            _ => return shared.is_wrong(&answer),
        }
    }
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
