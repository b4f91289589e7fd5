use std::sync::atomic::{AtomicUsize, Ordering};

use phoneproof_domain::conformance::sms_gateway;
use phoneproof_domain::ports::MockClock;
use phoneproof_domain::{MessageId, OtpCode};

use super::*;

type Behaviour = Box<dyn Fn(&Sms) -> Result<Receipt, SendError> + Send + Sync>;

/// A gateway that does as it is told, and counts.
struct Told {
    behaviour: Behaviour,
    asked: AtomicUsize,
}

impl Told {
    fn new(behaviour: impl Fn(&Sms) -> Result<Receipt, SendError> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            behaviour: Box::new(behaviour),
            asked: AtomicUsize::new(0),
        })
    }

    fn takes() -> Arc<Self> {
        let next = AtomicUsize::new(0);
        Self::new(move |sms| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            Ok(Receipt::of(format!(
                "{number} {}",
                sms.sender.clone().unwrap_or_default()
            )))
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl SmsGateway for Told {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        (self.behaviour)(sms)
    }
}

fn clock() -> Arc<dyn Clock> {
    let mut clock = MockClock::new();
    clock
        .expect_now()
        .return_const(Timestamp::from_millis(1_700_000_000_000));
    Arc::new(clock)
}

fn route(name: &str, gateway: &Arc<Told>) -> Route {
    Route {
        gateway: NamedGateway::new(name, gateway.clone(), 10),
        countries: BTreeSet::new(),
        prefixes: Vec::new(),
        sender: None,
        weight: None,
        timeout: Duration::from_secs(5),
    }
}

fn sms(at: u32, to: &str) -> Sms {
    let id: MessageId = format!("sms_{at:027}").parse().unwrap();
    let code = OtpCode::parse("123456").unwrap();
    Sms::new(
        id,
        to.parse().unwrap(),
        Some(code),
        "123456".to_owned(),
        Duration::from_secs(600),
    )
}

const US: &str = "+14155552671";

#[tokio::test]
async fn keeps_the_contract_of_its_port() {
    let routed = RoutedSms::new(vec![route("main", &Told::takes())], clock());
    sms_gateway::takes_texts(&routed, &US.parse().unwrap()).await;
}

#[tokio::test]
async fn countries_and_prefixes_choose_and_the_sender_follows() {
    let (uk, bay, rest) = (Told::takes(), Told::takes(), Told::takes());
    let routed = RoutedSms::new(
        vec![
            Route {
                countries: ["GB".parse().unwrap()].into(),
                sender: Some("Acme".to_owned()),
                ..route("uk", &uk)
            },
            Route {
                prefixes: vec!["+1415".to_owned()],
                ..route("bay", &bay)
            },
            route("rest", &rest),
        ],
        clock(),
    );
    for (to, gateway, id) in [
        ("+447400123456", "uk", "0 Acme"),
        (US, "bay", "0 "),
        ("+12125552671", "rest", "0 "),
        ("+33612345678", "rest", "1 "),
    ] {
        let receipt = routed.send(&sms(1, to)).await.unwrap();
        assert_eq!(
            (receipt.gateway.as_deref(), receipt.provider_id.as_str()),
            (Some(gateway), id),
            "{to}"
        );
    }
    let names: Vec<String> = routed
        .explain(&US.parse().unwrap())
        .into_iter()
        .map(|route| route.gateway)
        .collect();
    assert_eq!(names, ["bay", "rest"]);
}

#[tokio::test]
async fn a_text_goes_on_where_it_was_certainly_not_taken_and_nowhere_else() {
    type Failure = fn() -> SendError;
    let failures: [(Failure, bool); 5] = [
        (|| SendError::Refused("20003".into()), true),
        (|| SendError::Unavailable("down".into()), true),
        (
            || SendError::Throttled {
                retry_after: Duration::from_secs(9),
            },
            true,
        ),
        (|| SendError::Rejected("landline".into()), false),
        (|| SendError::Unknown("cut".into()), false),
    ];
    for (failure, goes_on) in failures {
        let (first, second) = (Told::new(move |_| Err(failure())), Told::takes());
        let routed = RoutedSms::new(vec![route("first", &first), route("second", &second)], clock());
        let outcome = routed.send(&sms(1, US)).await;
        assert_eq!(
            (outcome.is_ok(), second.asked()),
            (goes_on, usize::from(goes_on)),
            "{:?}",
            failure()
        );
        // Alone it says what happened.
        let routed = RoutedSms::new(vec![route("only", &first)], clock());
        let outcome = routed.send(&sms(1, US)).await.unwrap_err();
        assert_eq!(std::mem::discriminant(&outcome), std::mem::discriminant(&failure()));
    }
}

#[tokio::test]
async fn a_late_provider_may_have_taken_it() {
    struct Silent;
    #[async_trait]
    impl SmsGateway for Silent {
        async fn send(&self, _: &Sms) -> Result<Receipt, SendError> {
            std::future::pending().await
        }
    }
    let second = Told::takes();
    let silent = Route {
        gateway: NamedGateway::new("silent", Arc::new(Silent), 1),
        timeout: Duration::from_millis(20),
        ..route("", &second)
    };
    let routed = RoutedSms::new(vec![silent, route("second", &second)], clock());
    assert!(matches!(routed.send(&sms(1, US)).await, Err(SendError::Unknown(_))));
    assert_eq!(second.asked(), 0, "never two providers for one text");
}

/// However many routes there are, and however slow: before the lease of a text is over, nobody is asked any more.
#[tokio::test(start_paused = true)]
async fn all_routes_together_keep_to_the_lease() {
    struct Busy;
    #[async_trait]
    impl SmsGateway for Busy {
        async fn send(&self, _: &Sms) -> Result<Receipt, SendError> {
            tokio::time::sleep(Duration::from_secs(9)).await;
            Err(SendError::Unavailable("busy".into()))
        }
    }
    let started = tokio::time::Instant::now();
    let many = (0..20).map(|at| Route {
        gateway: NamedGateway::new(&format!("busy{at}"), Arc::new(Busy), 1),
        timeout: Duration::from_secs(10),
        ..route("", &Told::takes())
    });
    let routed = RoutedSms::new(many.collect(), clock());
    assert!(matches!(routed.send(&sms(1, US)).await, Err(SendError::Unavailable(_))));
    let took = started.elapsed();
    assert!(took <= BUDGET && took < phoneproof_domain::MESSAGE_LEASE, "{took:?}");
}

#[tokio::test]
async fn a_gateway_that_keeps_failing_is_not_asked() {
    let (first, second) = (Told::new(|_| Err(SendError::Unavailable("down".into()))), Told::takes());
    let routed = RoutedSms::new(vec![route("first", &first), route("second", &second)], clock());
    for at in 0..20 {
        routed.send(&sms(at, US)).await.unwrap();
    }
    assert_eq!((first.asked(), second.asked()), (5, 20));
    assert!(routed.explain(&US.parse().unwrap())[0].open_until.is_some());
}

#[tokio::test]
async fn weights_share_the_texts_and_a_retry_takes_the_same_route() {
    let (large, small) = (Told::takes(), Told::takes());
    let weighed = |name, gateway, weight| Route {
        weight: Some(weight),
        ..route(name, gateway)
    };
    let routed = RoutedSms::new(
        vec![weighed("large", &large, 80), weighed("small", &small, 20)],
        clock(),
    );
    for at in 0..1000 {
        let first = routed.send(&sms(at, US)).await.unwrap().gateway;
        assert_eq!(routed.send(&sms(at, US)).await.unwrap().gateway, first);
    }
    let share = small.asked();
    assert!((300..500).contains(&share), "{share} of 2000");
    // None at all is a failover alone.
    let (on, off) = (Told::takes(), Told::takes());
    let routed = RoutedSms::new(vec![weighed("off", &off, 0), weighed("on", &on, 1)], clock());
    for at in 0..50 {
        routed.send(&sms(at, US)).await.unwrap();
    }
    assert_eq!((on.asked(), off.asked()), (50, 0));
}

#[tokio::test]
async fn without_a_route_nothing_is_sent() {
    let uk = Told::takes();
    let only_uk = Route {
        countries: ["GB".parse().unwrap()].into(),
        ..route("uk", &uk)
    };
    let outcome = RoutedSms::new(vec![only_uk], clock()).send(&sms(1, US)).await;
    assert!(matches!(outcome, Err(SendError::Refused(_))));
    assert_eq!(uk.asked(), 0);
}
