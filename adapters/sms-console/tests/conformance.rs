//! The console gateway keeps the contract of its port.

use std::sync::Arc;

use phoneproof_domain::Timestamp;
use phoneproof_domain::conformance::sms_gateway;
use phoneproof_domain::ports::MockClock;
use phoneproof_sms_console::{ConsoleSms, Inbox};

#[tokio::test]
async fn keeps_the_contract_of_the_port_and_every_text() {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(Timestamp::from_millis(7));
    let inbox = Arc::new(Inbox::default());
    let gateway = ConsoleSms::new(inbox.clone(), Arc::new(clock)).unwrap();
    sms_gateway::takes_texts(&gateway, &"+14155552671".parse().unwrap()).await;
    let kept = inbox.messages(Some("+14155552671"));
    assert_eq!(kept.len(), 32);
    let notices = kept.iter().filter(|message| message.code.is_none());
    assert_eq!(notices.count(), 1);
    for message in kept {
        assert_eq!(message.body.contains("918273"), message.code.is_some());
        assert!(message.code.is_none_or(|code| code == "918273"));
        assert_eq!(message.created_at, 7);
    }
}
