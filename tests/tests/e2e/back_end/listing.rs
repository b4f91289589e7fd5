//! `GET /v1/users` and `GET /v1/users/count`: filters, orders, pages.

use std::time::Duration;

use phoneproof_tests::{Actor, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOW, id, made, number_path, user_path};

/// Three users, a second apart: Ada, Bob, and the one without a name. What tells them apart is
/// ordered differently by each column. Their names have dashes, which no id has: ids are searched too.
#[expect(clippy::expect_used, reason = "three users are three")]
async fn three(app: &TestApp) -> [Value; 3] {
    let back_end = app.back_end();
    let mut users = Vec::new();
    for user in [
        json!({ "first_name": "Ada-M", "last_name": "Zuse-Q", "username": "mmmm", "external_id": "x1", "phone_number": ["+14155550003"] }),
        json!({ "first_name": "bob-R", "last_name": "Young", "username": "aaaa", "external_id": "x2", "phone_number": ["+14155550001"] }),
        json!({ "phone_number": ["+442079460958"] }),
    ] {
        users.push(made(&back_end, &user).await);
        app.clock.advance(Duration::from_secs(1));
    }
    users.try_into().expect("three users")
}

/// Which of `users` a query finds, in its order, as digits: `201`.
#[expect(clippy::expect_used, reason = "a list that is none has failed the test")]
async fn found(back_end: &Actor, users: &[Value; 3], query: &str) -> String {
    let list = back_end.get(&format!("/v1/users?{query}")).await.resource().clone();
    let place = |user: &Value| users.iter().position(|known| known["id"] == user["id"]);
    let list = list.as_array().expect("a bare list");
    list.iter()
        .map(|user| place(user).map_or("?".to_owned(), |place| place.to_string()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_find_and_count_the_same_users() {
    let app = TestApp::spawn().await;
    let (back_end, users) = (app.back_end(), three(&app).await);
    // An unverified number is found as well.
    let added = json!({ "user_id": id(&users[2]), "phone_number": "+14155550001" });
    back_end
        .json(Method::POST, "/v1/phone_numbers", &added)
        .await
        .is_error(422, "form_identifier_exists");
    let added = json!({ "user_id": id(&users[2]), "phone_number": "+16042345678" });
    let _ = back_end
        .json(Method::POST, "/v1/phone_numbers", &added)
        .await
        .resource();
    let _ = app.user(&id(&users[1])).get("/v1/me").await.response();
    let (first, last) = (id(&users[0]), id(&users[2]));
    let part_of_id = &last[last.len() - 20..];
    for (filter, expected) in [
        (String::new(), "210"),
        ("phone_number=%2B14155550003".to_owned(), "0"),
        (
            "phone_number=%2B14155550003&phone_number=%2B442079460958".to_owned(),
            "20",
        ),
        ("phone_number=%2B16042345678".to_owned(), "2"),
        ("phone_number=%2B14155559999".to_owned(), ""),
        (format!("user_id={first}"), "0"),
        (format!("user_id={first}&user_id={last}&user_id=user_nobody"), "20"),
        ("external_id=x1&external_id=x2".to_owned(), "10"),
        ("username=AAAA".to_owned(), "1"),
        (format!("username=aaaa&user_id={first}"), ""),
        ("query=da-".to_owned(), "0"),
        ("query=ZUSE-".to_owned(), "0"),
        ("query=BOB-".to_owned(), "1"),
        ("query=415555".to_owned(), "10"),
        (format!("query={part_of_id}"), "2"),
        ("query=%25".to_owned(), ""),
        ("query=_".to_owned(), "210"),
        ("phone_number_query=4155550".to_owned(), "10"),
        ("phone_number_query=zuse".to_owned(), ""),
        ("name_query=ada-m%20zuse".to_owned(), "0"),
        ("name_query=o".to_owned(), "1"),
        ("name_query=415555".to_owned(), ""),
        ("username_query=AA".to_owned(), "1"),
        ("username_query=zuse".to_owned(), ""),
        ("banned=true".to_owned(), ""),
        ("banned=false".to_owned(), "210"),
        // Known by the day: the hour is one of the same day.
        (format!("last_active_at_since={}", NOW + 3_600_000), "1"),
        (format!("last_active_at_since={}", NOW + 86_400_000), ""),
        // What nobody here has is nobody's, and not everybody's.
        ("email_address=a%40b.example".to_owned(), ""),
        ("email_address=a%40b.example&email_address=c%40d.example".to_owned(), ""),
        ("email_address_query=a".to_owned(), ""),
        ("web3_wallet=0x0".to_owned(), ""),
        ("organization_id=org_1".to_owned(), ""),
        ("provider=oauth_google&provider_user_id=1".to_owned(), ""),
        (format!("email_address=a%40b.example&user_id={first}"), ""),
        ("email_address=&organization_id=".to_owned(), "210"),
        (format!("created_at_after={NOW}"), "21"),
        (format!("created_at_before={}", NOW + 2_000), "10"),
        (format!("created_at_after={NOW}&created_at_before={}", NOW + 2_000), "1"),
        ("last_active_at_after=0".to_owned(), "1"),
        (format!("last_active_at_before={NOW}"), "1"),
        ("last_active_at_before=1".to_owned(), ""),
        // Nothing is meant by an empty one, and nobody knows the last one.
        ("query=&phone_number=&username=".to_owned(), "210"),
        ("locale=de&__clerk_api_version=2026-08-20".to_owned(), "210"),
    ] {
        assert_eq!(found(&back_end, &users, &filter).await, expected, "{filter}");
        let count = back_end.get(&format!("/v1/users/count?{filter}")).await;
        assert_eq!(
            count.resource(),
            &json!({ "object": "total_count", "total_count": expected.len() }),
            "{filter}"
        );
    }
    let whole = back_end.get(&format!("/v1/users?user_id={first}")).await;
    assert_eq!(whole.resource()[0], users[0], "a listed user is complete");
    assert_eq!(whole.header("content-type"), Some("application/json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_goes_both_ways() {
    let app = TestApp::spawn().await;
    let (back_end, users) = (app.back_end(), three(&app).await);
    // Changed in another order than made; active on days of their own.
    for at in [1, 0, 2] {
        app.clock.advance(Duration::from_secs(86_400));
        let _ = app.user(&id(&users[at])).get("/v1/me").await.response();
        let change = json!({ "locale": "en" });
        let _ = back_end
            .json(Method::PATCH, &user_path(&users[at]), &change)
            .await
            .resource();
    }
    for (column, ascending, descending) in [
        ("created_at", "012", "210"),
        ("updated_at", "102", "201"),
        ("last_active_at", "102", "201"),
        // Who has none comes last either way.
        ("first_name", "012", "102"),
        ("last_name", "102", "012"),
        ("username", "102", "012"),
        ("phone_number", "102", "201"),
    ] {
        for (order, expected) in [
            (column.to_owned(), ascending),
            (format!("%2B{column}"), ascending),
            (format!("+{column}"), ascending),
            (format!("-{column}"), descending),
        ] {
            let query = format!("order_by={order}");
            assert_eq!(found(&back_end, &users, &query).await, expected, "{query}");
        }
    }
    // By the primary number, not by any number.
    let lower = json!({ "user_id": id(&users[2]), "phone_number": "+12125550123", "verified": true });
    let lower = back_end
        .json(Method::POST, "/v1/phone_numbers", &lower)
        .await
        .resource()
        .clone();
    assert_eq!(found(&back_end, &users, "order_by=phone_number").await, "102");
    let primary = json!({ "primary": true });
    let _ = back_end
        .json(Method::PATCH, &number_path(&lower), &primary)
        .await
        .resource();
    assert_eq!(found(&back_end, &users, "order_by=phone_number").await, "210");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_cover_everybody_once() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let mut ids = Vec::new();
    // All in one millisecond: the order must hold all the same.
    for _ in 0..12 {
        ids.push(id(&made(&back_end, &json!({ "phone_number": [app.number()] })).await));
    }
    let page = |query: &'static str| {
        let back_end = back_end.clone();
        async move {
            let list = back_end.get(&format!("/v1/users?{query}")).await.resource().clone();
            list.as_array().unwrap().iter().map(id).collect::<Vec<_>>()
        }
    };
    assert_eq!(page("").await.len(), 10, "ten by default");
    assert_eq!(page("limit=500").await.len(), 12);
    let mut pages = page("limit=5").await;
    pages.extend(page("limit=5&offset=5").await);
    pages.extend(page("limit=5&offset=10").await);
    assert_eq!(page("limit=5&offset=12").await, Vec::<String>::new());
    assert_eq!(page("limit=12").await, pages);
    pages.sort();
    ids.sort();
    assert_eq!(pages, ids);
    let count = back_end.get("/v1/users/count?limit=5&offset=5").await;
    assert_eq!(count.resource()["total_count"], 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_begins_after_a_user() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    // The first five in one millisecond.
    let mut made_users = Vec::new();
    for at in 0..7 {
        made_users.push(id(&made(&back_end, &json!({ "phone_number": [app.number()] })).await));
        app.clock.advance(Duration::from_secs(u64::from(at > 4)));
    }
    let whole = async |query: &str| -> Vec<String> {
        let list = back_end.get(&format!("/v1/users?{query}")).await.resource().clone();
        list.as_array().unwrap().iter().map(id).collect()
    };
    for order in ["-created_at", "%2Bcreated_at"] {
        let all = whole(&format!("order_by={order}&limit=500")).await;
        assert_eq!(all.len(), made_users.len());
        let mut walked: Vec<String> = Vec::new();
        loop {
            let after = walked
                .last()
                .map(|last| format!("&starting_after={last}"))
                .unwrap_or_default();
            let page = whole(&format!("order_by={order}&limit=2{after}")).await;
            if page.is_empty() {
                break;
            }
            walked.extend(page);
        }
        assert_eq!(walked, all, "{order}");
    }
    let count = back_end
        .get(&format!("/v1/users/count?starting_after={}", made_users[0]))
        .await;
    assert_eq!(
        count.resource()["total_count"],
        7,
        "a page does not change how many there are"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_makes_no_sense_is_told_apart_from_one_that_finds_nobody() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    for (query, code, param) in [
        ("limit=0", "form_param_value_invalid", "limit"),
        ("limit=501", "form_param_value_invalid", "limit"),
        ("limit=-1", "form_param_value_invalid", "limit"),
        ("limit=ten", "form_param_type_invalid", "limit"),
        ("limit=5&limit=6", "form_param_type_invalid", "limit"),
        ("offset=-1", "form_param_value_invalid", "offset"),
        ("offset=1e3", "form_param_type_invalid", "offset"),
        ("order_by=password", "form_param_value_invalid", "order_by"),
        ("order_by=--created_at", "form_param_value_invalid", "order_by"),
        ("order_by=", "", ""),
        ("phone_number=4155550003", "form_param_format_invalid", "phone_number"),
        ("user_id=two%20words", "form_param_format_invalid", "user_id"),
        (
            "created_at_after=yesterday",
            "form_param_type_invalid",
            "created_at_after",
        ),
        (
            "created_at_before=99999999999999999999",
            "form_param_type_invalid",
            "created_at_before",
        ),
        ("banned=maybe", "form_param_type_invalid", "banned"),
        (
            "email_address=a%40b.example&limit=0",
            "form_param_value_invalid",
            "limit",
        ),
        (
            "starting_after=user_nobody",
            "form_resource_not_found",
            "starting_after",
        ),
        ("starting_after=%20", "form_resource_not_found", "starting_after"),
        (
            "starting_after=user_nobody&order_by=first_name",
            "form_param_value_invalid",
            "starting_after",
        ),
    ] {
        let answer = back_end.get(&format!("/v1/users?{query}")).await;
        if code.is_empty() {
            assert_eq!(answer.resource(), &json!([]), "{query}");
        } else {
            answer.is_error(422, code).about(param);
        }
    }
    for query in ["query=%ff", "query=%c3%28"] {
        let answer = back_end.get(&format!("/v1/users?{query}")).await;
        answer.is_error(422, "form_param_format_invalid");
    }
}
