//! What an [`Archive`] must do, together with the ports that fill a store. It moves everything there is: run it on two
//! stores of its own, which are empty.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::full;
use super::given::{NOW, Random, commit, later, loaded, number, random, stored, user};
use crate::change::Stores;
use crate::ports::{
    Aggregate, Archive, BeginError, Change, Charge, CopyMark, Decision, InstanceDirectory, Limiter, Part, Record,
    SigningKeys, StoredKey, Window, Write,
};
use crate::use_cases::{Compared, CopyError, copy_store};
use crate::{
    AllowedNumber, AllowlistId, BlockedNumber, BlocklistId, Client, MessageState, SettingsChange, SignInToken, User,
};

/// The ports of one store.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// The store as a whole.
    pub archive: &'a dyn Archive,
    /// Users, clients, tickets, and what is written with them.
    pub stores: Stores<'a>,
    /// Signing keys.
    pub keys: &'a dyn SigningKeys,
    /// Limits.
    pub limiter: &'a dyn Limiter,
    /// Settings and blocklist.
    pub instance: &'a dyn InstanceDirectory,
}

/// Everything.
pub async fn all(source: Ports<'_>, target: Ports<'_>) {
    what_is_empty_has_nothing(source.archive).await;
    let blocked = fill(source).await;
    records_are_the_same_bytes_everywhere(source.archive, &blocked).await;
    pages_follow_on_each_other(source.archive).await;
    nothing_begins_in_a_store_that_is_not_empty(source.archive).await;
    a_copy_begins_once(target.archive).await;
    of_many_that_write_at_once_one_does(source.archive, target.archive).await;
    a_page_is_written_whole_with_its_mark_or_not_at_all(source.archive, target.archive).await;
    a_copy_is_equal_and_serves(source, target).await;
}

async fn everything(archive: &dyn Archive) -> BTreeMap<Part, Vec<Record>> {
    let mut parts = BTreeMap::new();
    for part in Part::ALL {
        parts.insert(part, archive.read(part, None, 10_000).await.unwrap());
    }
    parts
}

async fn what_is_empty_has_nothing(archive: &dyn Archive) {
    for part in Part::ALL {
        assert_eq!(archive.read(part, None, 10).await.unwrap(), []);
        assert_eq!(archive.count(part).await.unwrap(), 0);
    }
    assert_eq!(archive.unfinished().await.unwrap(), None);
}

/// Something of every part, most of it awkward. Answers the entry of the blocklist.
async fn fill(store: Ports<'_>) -> BlockedNumber {
    for turn in 0..full::TURNS {
        let user = stored(store.stores, &full::user(turn)).await.aggregate;
        let writes = vec![
            Client::write(Change::Create(full::client(&user, turn))),
            SignInToken::write(Change::Create(full::ticket(turn))),
        ];
        store.stores.commits.commit(writes).await.unwrap();
    }
    // Identity providers name users as they like.
    for id in ["a", "B", "a/0", "a/1/2", "auth0|x\t\\N", "ü🦀", "\u{e000}"] {
        let user = User {
            id: id.parse().unwrap_or_else(|_| user().id),
            ..full::user(0)
        };
        stored(store.stores, &user).await;
    }
    for state in MessageState::ALL {
        let message = full::message(state, later(600_000));
        let writes = vec![Write::Message(Box::new(message)), Write::Event(full::event(NOW))];
        store.stores.commits.commit(writes).await.unwrap();
    }
    count(store.limiter).await;
    let key = |signs_from| StoredKey {
        id: format!("key_{:016x}", random()),
        sealed: (0..=255).collect(),
        signs_from,
        retires_at: None,
    };
    store.keys.add_first(&key(NOW)).await.unwrap();
    store.keys.rotate(&key(later(10)), later(100), NOW).await.unwrap();
    let change = SettingsChange {
        blocked_countries: Some(["GB".parse().unwrap()].into()),
        allowed_origins: Some(vec!["x\\\"'ü\n".to_owned()]),
        test_mode: Some(false),
        allowlist: Some(true),
        blocklist: Some(true),
        lists_spare_sign_ins: Some(false),
    };
    store.instance.change_settings(change).await.unwrap();
    let allowed = AllowedNumber {
        number: number(),
        id: AllowlistId::generate(NOW, &Random),
        created_at: NOW,
    };
    store.instance.allow(&allowed).await.unwrap();
    let blocked = BlockedNumber {
        number: number(),
        id: BlocklistId::generate(NOW, &Random),
        created_at: NOW,
    };
    store.instance.block(&blocked).await.unwrap()
}

/// Rows of which several are alike, and keys with what separates columns in them.
async fn count(limiter: &dyn Limiter) {
    for (key, times) in [("a", 3), ("a/1", 1), ("a/1/2", 2), ("codes/number/+14155552671", 1)] {
        for _ in 0..times {
            assert_eq!(charged(limiter, key, 100).await, Decision::Allowed);
        }
    }
}

async fn charged(limiter: &dyn Limiter, key: &str, limit: u32) -> Decision {
    let charge = Charge {
        key: key.to_owned(),
        windows: vec![Window {
            limit,
            span: Duration::from_secs(3600),
        }],
        waits: Vec::new(),
        waits_span: Duration::ZERO,
    };
    limiter.charge(&[charge], NOW).await.unwrap()
}

async fn records_are_the_same_bytes_everywhere(archive: &dyn Archive, blocked: &BlockedNumber) {
    let (number, id, at) = (&blocked.number, &blocked.id, blocked.created_at.as_millis());
    let expected = Record {
        key: number.as_str().to_owned(),
        content: format!(r#"{{"number":"{}","id":"{id}","created_at_ms":{at}}}"#, number.as_str()),
    };
    let [record] = &archive.read(Part::Blocklist, None, 10).await.unwrap()[..] else {
        panic!("not one record")
    };
    assert_eq!((record, &record.content), (&expected, &expected.content));
    let limits = archive.read(Part::Limits, None, 10).await.unwrap();
    let (at, forget_at) = (NOW.as_millis(), later(3_600_000).as_millis());
    let counted =
        |key: &str, times: u32| format!(r#"{{"key":"{key}","at_ms":{at},"forget_at_ms":{forget_at},"times":{times}}}"#);
    let contents: Vec<&str> = limits.iter().map(|record| record.content.as_str()).collect();
    assert_eq!(contents[..2], [counted("a", 3), counted("a/1", 1)]);
    let keys = archive.read(Part::SigningKeys, None, 10).await.unwrap();
    assert!(
        keys[0].content.contains(r#""sealed":"\\x000102"#),
        "{}",
        keys[0].content
    );
}

async fn pages_follow_on_each_other(archive: &dyn Archive) {
    for (part, whole) in everything(archive).await {
        assert!(!whole.is_empty(), "{part} was not filled");
        assert_eq!(archive.count(part).await.unwrap(), whole.len() as u64, "{part}");
        for limit in [1, 2, 1000] {
            let (mut pages, mut after) = (Vec::new(), None);
            loop {
                let page = archive.read(part, after, limit).await.unwrap();
                let Some(last) = page.last() else { break };
                after = Some(last.key.clone());
                pages.extend(page);
            }
            assert_eq!(pages, whole, "{part} by {limit}");
        }
    }
}

async fn nothing_begins_in_a_store_that_is_not_empty(archive: &dyn Archive) {
    let refused = archive.begin("elsewhere").await;
    assert!(matches!(refused, Err(BeginError::NotEmpty)), "{refused:?}");
    assert_eq!(archive.unfinished().await.unwrap(), None);
}

async fn a_copy_begins_once(target: &dyn Archive) {
    let begun = join_all(["one", "other", "one", "other"].map(|source| target.begin(source))).await;
    let marks: Vec<CopyMark> = begun.into_iter().map(Result::unwrap).collect();
    assert!(marks.iter().all(|mark| *mark == marks[0]), "{marks:?}");
    assert_eq!(marks[0], CopyMark::start(&marks[0].source));
    assert_eq!(target.unfinished().await.unwrap().as_ref(), Some(&marks[0]));
    assert!(target.finish(&CopyMark::start("a third")).await.is_err());
    target.finish(&marks[0]).await.unwrap();
    assert_eq!(target.unfinished().await.unwrap(), None);
    assert!(target.finish(&marks[0]).await.is_err(), "finished twice");
}

async fn of_many_that_write_at_once_one_does(source: &dyn Archive, target: &dyn Archive) {
    let start = target.begin(&source.place()).await.unwrap();
    let page = source.read(Part::Users, None, 2).await.unwrap();
    let to = start.at(Part::Users, &page[1].key);
    let written = join_all((0..8).map(|_| target.write(page.clone(), &start, &to))).await;
    assert_eq!(
        written.iter().filter(|written| written.is_ok()).count(),
        1,
        "{written:?}"
    );
    assert_eq!(target.read(Part::Users, None, 10).await.unwrap(), page);
    assert_eq!(target.unfinished().await.unwrap(), Some(to.clone()));
    // From whichever source it says it is.
    let stranger = CopyMark {
        source: "elsewhere".to_owned(),
        ..to.clone()
    };
    assert!(target.write(Vec::new(), &stranger, &stranger).await.is_err());
}

async fn a_page_is_written_whole_with_its_mark_or_not_at_all(source: &dyn Archive, target: &dyn Archive) {
    let mark = target.unfinished().await.unwrap().unwrap();
    let page = source.read(Part::Users, mark.after.clone(), 2).await.unwrap();
    let to = mark.at(Part::Users, &page[1].key);
    let there = everything(target).await;
    let (good, twice) = (page[0].clone(), there[&Part::Users][0].clone());
    let nonsense = Record {
        key: "x".to_owned(),
        content: "{}".to_owned(),
    };
    for bad in [twice, nonsense] {
        let page = vec![good.clone(), bad];
        assert!(target.write(page, &mark, &to).await.is_err());
        assert_eq!(everything(target).await, there);
        assert_eq!(target.unfinished().await.unwrap().as_ref(), Some(&mark));
    }
}

/// It goes on where the cases before it have left it.
async fn a_copy_is_equal_and_serves(source: Ports<'_>, target: Ports<'_>) {
    let compared = copy_store(source.archive, target.archive, &|_| {}).await.unwrap();
    assert!(compared.iter().all(Compared::is_equal), "{compared:?}");
    assert_eq!(everything(target.archive).await, everything(source.archive).await);
    assert_eq!(target.archive.unfinished().await.unwrap(), None);
    let again = copy_store(source.archive, target.archive, &|_| {}).await;
    assert!(matches!(again, Err(CopyError::NotEmpty(_))), "{again:?}");

    // Users with their revisions, and how often something was counted.
    let users = source.archive.read(Part::Users, None, 100).await.unwrap();
    for record in users {
        let id = record.key.parse().unwrap();
        let (before, after) = (loaded(source.stores, &id).await, loaded(target.stores, &id).await);
        assert_eq!(after, before);
        commit(target.stores, Change::Delete(after)).await.unwrap();
    }
    assert_eq!(target.archive.count(Part::BackupCodes).await.unwrap(), 0);
    for record in source.archive.read(Part::Clients, None, 100).await.unwrap() {
        let id = record.key.parse().unwrap();
        let after = target.stores.clients.load(&id).await.unwrap();
        assert_eq!(after, source.stores.clients.load(&id).await.unwrap());
        commit(target.stores, Change::Delete(after.unwrap())).await.unwrap();
    }
    for record in source.archive.read(Part::SignInTokens, None, 100).await.unwrap() {
        let id = record.key.parse().unwrap();
        let after = target.stores.tickets.load(&id).await.unwrap();
        assert_eq!(after, source.stores.tickets.load(&id).await.unwrap());
        commit(target.stores, Change::Delete(after.unwrap())).await.unwrap();
    }
    assert!(matches!(
        charged(target.limiter, "a", 3).await,
        Decision::Limited { .. }
    ));
    assert_eq!(charged(target.limiter, "a", 4).await, Decision::Allowed);
    assert_eq!(target.keys.all().await.unwrap(), source.keys.all().await.unwrap());
}
