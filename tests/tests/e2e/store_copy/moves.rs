//! From one store into the other kind, and from there into a third: nobody notices.

use std::collections::BTreeMap;

use phoneproof_tests::{Browser, Program, TestStore};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::instance::{Instance, completed, signed_in, signed_in_by_text};
use super::{SECRET_KEY, TABLES, copied, options, secret_file};

/// All rows of all tables, every column.
fn rows(store: &TestStore) -> BTreeMap<&'static str, Vec<String>> {
    let rows = |table: &'static str| {
        let statement = if store.database().is_some() {
            format!("SELECT t::text FROM {table} AS t")
        } else {
            let columns = "SELECT group_concat('quote(' || name || ')', ' || '','' || ') FROM pragma_table_info";
            let columns = store.query(&format!("{columns}('{table}')")).concat();
            format!("SELECT {columns} FROM {table}")
        };
        let mut rows = store.query(&statement);
        rows.sort();
        (table, rows)
    };
    TABLES.map(rows).into()
}

fn stopped(server: Program) {
    server.signal("TERM");
    let (code, _, logged) = server.ended();
    assert_eq!(code, Some(0), "{logged}");
}

/// Everybody of the instance goes on at `server`, for the `nth` time somewhere else.
async fn goes_on(instance: &Instance, server: &Program, nth: usize) {
    let (number, codes) = (instance.number.as_str(), &instance.backup_codes);
    let by_text = signed_in_by_text(&Browser::of(server), number).await;
    assert_eq!(by_text.response()["status"], "complete");
    // Backup codes work once, wherever that was.
    for (code, status) in [(9, 422), (nth, 200), (nth, 422)] {
        let answer = signed_in(&Browser::of(server), number, "backup_code", &codes[code]).await;
        assert_eq!(answer.status, status, "{answer:#?}");
    }
    let form = [("strategy", "ticket"), ("ticket", instance.tickets[nth].as_str())];
    let by_ticket = Browser::of(server).post("/v1/client/sign_ins", &form).await;
    assert_eq!(by_ticket.response()["status"], "complete");
    let sign_up = [("phone_number", "+13105550103")];
    let blocked = Browser::of(server).post("/v1/client/sign_ups", &sign_up).await;
    blocked.is_error(403, "not_allowed_access");
    let path = format!("/v1/users/{}", instance.banned);
    let banned = server.actor(Some(SECRET_KEY)).get(&path).await;
    assert_eq!(banned.resource()["banned"], true);
    assert_eq!(server.actor(None).get("/v1/ready").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_goes_on_where_it_was() {
    // Nobody takes its events, and so they are queued.
    let endpoint = MockServer::start().await;
    let away = ResponseTemplate::new(503);
    Mock::given(any()).respond_with(away).mount(&endpoint).await;
    let stores = [TestStore::create(), TestStore::other(), TestStore::create()];
    let secret = secret_file(stores[0].folder());
    let serve = |store: &TestStore| {
        let mut options = options(&store.url(), &secret);
        options.insert("PHONEPROOF__WEBHOOKS__URL".to_owned(), endpoint.uri());
        let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        options.insert("PHONEPROOF__WEBHOOKS__SECRET".to_owned(), key);
        Program::serve(&options)
    };

    let server = serve(&stores[0]);
    let instance = Instance::fill(&server).await;
    // The outcome of a text is recorded beside the answer; a server that stops waits for that.
    stopped(server);
    let server = serve(&stores[0]);
    let before = instance.answers(&server).await;
    stopped(server);
    let queued = "SELECT count(*) FROM webhook_events WHERE due_at_ms IS NOT NULL";
    assert_ne!(stores[0].query(queued), ["0"]);
    let whole = rows(&stores[0]);
    for (table, rows) in &whole {
        // Limits are off in tests.
        assert!(!rows.is_empty() || *table == "limits", "nothing in {table}");
    }

    // There and back, before anybody goes on: not a byte is lost on the way.
    let back = TestStore::create();
    copied(&stores[0], &stores[1]);
    copied(&stores[1], &back);
    assert_eq!(rows(&back), whole);
    assert_eq!(back.query(queued), stores[0].query(queued));

    let server = serve(&stores[1]);
    assert_eq!(instance.answers(&server).await, before);
    goes_on(&instance, &server, 0).await;
    let (halfway, path) = &instance.signing_up;
    completed(&halfway.at(&server), path).await;
    let before = instance.answers(&server).await;
    stopped(server);

    copied(&stores[1], &stores[2]);
    let server = serve(&stores[2]);
    assert_eq!(instance.answers(&server).await, before);
    goes_on(&instance, &server, 1).await;
    let used = signed_in(
        &Browser::of(&server),
        &instance.number,
        "backup_code",
        &instance.backup_codes[0],
    )
    .await;
    assert_eq!(used.status, 422, "used before the second move: {used:#?}");
    stopped(server);
}
