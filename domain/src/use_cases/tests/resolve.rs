//! Finding out who asks.

use super::*;

#[tokio::test]
async fn the_token_of_another_secret_opens_no_client() {
    let mut mocks = Mocks::default();
    mocks.clients.expect_load().returning(|_| Ok(Some(loaded(client()))));
    let cases = mocks.cases();
    let forged = Token::generate(client().id, &Counting::from(99));
    let context = |token: Token<ClientId>| {
        let cases = cases.clone();
        async move {
            cases
                .client_context(Some(&token), RequestContext::default())
                .await
                .unwrap()
        }
    };
    assert!(context(forged).await.client.is_none());
    assert!(context(client_token()).await.client.is_some());
}

#[tokio::test]
async fn a_token_that_was_replaced_a_moment_ago_is_no_sign_of_having_signed_out() {
    for (seconds, told) in [(9, true), (10, false)] {
        let mut mocks = Mocks::default();
        mocks.clients.expect_load().returning(|_| {
            let mut client = client();
            client.replace_token(Token::generate(client.id.clone(), &Counting::from(99)).hash(), NOW);
            Ok(Some(loaded(client)))
        });
        let mut clock = MockClock::new();
        clock.expect_now().return_const(NOW.plus(Duration::from_secs(seconds)));
        mocks.clock = Some(clock);
        let context = mocks
            .cases()
            .client_context(Some(&client_token()), RequestContext::default())
            .await;
        match context {
            Err(AuthError::TokenReplaced) => assert!(told, "{seconds}"),
            Ok(context) => assert!(!told && context.client.is_none(), "{seconds}"),
            Err(error) => panic!("{error}"),
        }
    }
}
