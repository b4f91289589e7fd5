use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;

/// A store in memory that may break.
#[derive(Default)]
struct Memory {
    place: &'static str,
    records: Mutex<BTreeMap<(Part, String), String>>,
    mark: Mutex<Option<CopyMark>>,
    /// Writes that it takes before it breaks.
    writes: Mutex<Option<usize>>,
}

impl Memory {
    fn at(place: &'static str) -> Self {
        Self {
            place,
            ..Self::default()
        }
    }

    /// With so many users, a session and a setting.
    fn filled(place: &'static str, users: usize) -> Self {
        let memory = Self::at(place);
        let users = (0..users).map(|at| (Part::Users, format!("user_{at:06}")));
        let others = [(Part::Sessions, "sess_1"), (Part::Settings, "test_mode")];
        let others = others.map(|(part, key)| (part, key.to_owned()));
        let records = users
            .chain(others)
            .map(|key| (key.clone(), format!("{{\"id\":\"{}\"}}", key.1)));
        *memory.records.lock().unwrap() = records.collect();
        memory
    }

    fn breaking_after(place: &'static str, writes: usize) -> Self {
        let memory = Self::at(place);
        *memory.writes.lock().unwrap() = Some(writes);
        memory
    }

    fn records(&self) -> BTreeMap<(Part, String), String> {
        self.records.lock().unwrap().clone()
    }
}

#[async_trait]
impl Archive for Memory {
    fn place(&self) -> String {
        self.place.to_owned()
    }

    async fn count(&self, part: Part) -> Result<u64, StoreError> {
        Ok(self.records().keys().filter(|(of, _)| *of == part).count() as u64)
    }

    async fn read(&self, part: Part, after: Option<String>, limit: u32) -> Result<Vec<Record>, StoreError> {
        let records = self.records().into_iter().filter(|((of, _), _)| *of == part);
        let records = records.map(|((_, key), content)| Record { key, content });
        let later = records.filter(|record| after.as_ref().is_none_or(|after| record.key > *after));
        Ok(later.take(limit as usize).collect())
    }

    async fn unfinished(&self) -> Result<Option<CopyMark>, StoreError> {
        Ok(self.mark.lock().unwrap().clone())
    }

    async fn begin(&self, source: &str) -> Result<CopyMark, BeginError> {
        let mut mark = self.mark.lock().unwrap();
        if mark.is_none() && !self.records().is_empty() {
            return Err(BeginError::NotEmpty);
        }
        Ok(mark.get_or_insert_with(|| CopyMark::start(source)).clone())
    }

    async fn write(&self, records: Vec<Record>, from: &CopyMark, to: &CopyMark) -> Result<(), StoreError> {
        if let Some(left) = &mut *self.writes.lock().unwrap() {
            *left = left
                .checked_sub(1)
                .ok_or_else(|| StoreError::Unavailable("pulled the plug".into()))?;
        }
        let mut mark = self.mark.lock().unwrap();
        assert_eq!(mark.as_ref(), Some(from));
        *mark = Some(to.clone());
        for record in records {
            let key = (to.part, record.key);
            let twice = self.records.lock().unwrap().insert(key, record.content);
            assert_eq!(twice, None, "written twice");
        }
        Ok(())
    }

    async fn finish(&self, _: &CopyMark) -> Result<(), StoreError> {
        *self.mark.lock().unwrap() = None;
        Ok(())
    }
}

async fn copy(source: &Memory, target: &Memory) -> Result<Vec<Compared>, CopyError> {
    copy_store(source, target, &|_| {}).await
}

fn of(compared: &[Compared], part: Part) -> Compared {
    *compared.iter().find(|one| one.part == part).unwrap()
}

const PAGES: usize = 3;
/// Some pages, and one that is not full.
const USERS: usize = PAGE as usize * (PAGES - 1) + 1;

#[tokio::test]
async fn everything_is_copied_and_compared() {
    let (source, target) = (Memory::filled("a", USERS), Memory::at("b"));
    let advances = Mutex::new(Vec::new());
    let told = |advance| advances.lock().unwrap().push(advance);
    let compared = copy_store(&source, &target, &told).await.unwrap();
    assert_eq!(target.records(), source.records());
    assert_eq!(compared.iter().map(|one| one.part).collect::<Vec<_>>(), Part::ALL);
    assert!(compared.iter().all(Compared::is_equal));
    let users = of(&compared, Part::Users);
    assert_eq!(users.source.records, USERS as u64);
    assert_ne!(users.source.checksum, of(&compared, Part::Clients).source.checksum);
    assert_eq!(target.unfinished().await.unwrap(), None);

    let advances = advances.into_inner().unwrap();
    for stage in [CopyStage::Copying, CopyStage::Comparing] {
        let mut of_stage = advances.iter().filter(|advance| advance.stage == stage);
        assert_eq!(of_stage.next().map(|first| first.done), Some(0));
        let last = of_stage.next_back().unwrap();
        assert_eq!((last.done, last.total), (USERS as u64 + 2, USERS as u64 + 2));
    }
}

#[tokio::test]
async fn a_copy_goes_on_where_it_broke_off_wherever_that_was() {
    let source = Memory::filled("a", USERS);
    // Users, then one page of sessions and one of settings.
    for writes in 0..PAGES + 2 {
        let target = Memory::breaking_after("b", writes);
        assert!(matches!(copy(&source, &target).await, Err(CopyError::Target(_))));
        assert!(target.unfinished().await.unwrap().is_some());
        *target.writes.lock().unwrap() = None;
        let first = Mutex::new(None);
        let told = |advance| {
            first.lock().unwrap().get_or_insert(advance);
        };
        let written = target.records().len() as u64;
        copy_store(&source, &target, &told).await.unwrap();
        assert_eq!(first.into_inner().unwrap().map(|first| first.done), Some(written));
        assert_eq!(target.records(), source.records(), "after {writes} writes");
        assert_eq!(target.unfinished().await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_differs_is_told_and_the_copy_stays_unfinished() {
    let (source, target) = (Memory::filled("a", 3), Memory::breaking_after("b", 1));
    let _ = copy(&source, &target).await.unwrap_err();
    *target.writes.lock().unwrap() = None;
    // One of the same length elsewhere, and one that came after its turn.
    let key = (Part::Users, "user_000001".to_owned());
    source
        .records
        .lock()
        .unwrap()
        .insert(key, r#"{"id":"user_000009"}"#.to_owned());
    let key = (Part::Users, "user_".to_owned());
    source.records.lock().unwrap().insert(key, "{}".to_owned());
    let compared = copy(&source, &target).await.unwrap();
    let different: Vec<Part> = compared
        .iter()
        .filter(|one| !one.is_equal())
        .map(|one| one.part)
        .collect();
    assert_eq!(different, [Part::Users]);
    let users = of(&compared, Part::Users);
    assert_eq!((users.source.records, users.target.records), (4, 3));
    assert!(target.unfinished().await.unwrap().is_some());
}

#[tokio::test]
async fn a_checksum_knows_where_a_key_ends() {
    let (one, other) = (Memory::at("a"), Memory::at("b"));
    let insert = |into: &Memory, key: &str, content: &str| {
        into.records
            .lock()
            .unwrap()
            .insert((Part::Users, key.to_owned()), content.to_owned());
    };
    insert(&one, "a", "bc");
    insert(&other, "ab", "c");
    let compared = compare::compare(&one, &other, 1, &|_| {}).await.unwrap();
    assert!(!of(&compared, Part::Users).is_equal());
}

#[tokio::test]
async fn what_cannot_be_a_copy_is_refused_before_anything_is_written() {
    let source = Memory::filled("a", 3);
    let refused = copy(&source, &Memory::at("a")).await;
    assert!(matches!(refused, Err(CopyError::SameStore(place)) if place == "a"));

    let full = Memory::filled("b", 1);
    let refused = copy(&source, &full).await;
    assert!(matches!(refused, Err(CopyError::NotEmpty(place)) if place == "b"));
    assert_eq!(full.records(), Memory::filled("b", 1).records());

    let half = Memory::breaking_after("b", 1);
    let _ = copy(&source, &half).await.unwrap_err();
    let refused = copy(&Memory::filled("c", 3), &half).await;
    assert!(matches!(refused, Err(CopyError::AnotherSource(place)) if place == "a"));
    let refused = copy(&half, &Memory::at("d")).await;
    assert!(matches!(refused, Err(CopyError::UnfinishedSource(place)) if place == "a"));
}
