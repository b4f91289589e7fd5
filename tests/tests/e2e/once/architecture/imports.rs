//! Imports between the files of a crate point in one direction: no two files import each other, however many lie between.
//!
//! A module is a file here. A name that a file re-exports counts as imported from the file that defines it. The domain is
//! left out: its aggregates implement traits of the ports, and the ports' commit names the aggregates.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Workspace;

/// The path of a module below its crate: none for `lib.rs`.
type Module = Vec<String>;

/// One name that a `use` brings into a file.
struct Import {
    path: Module,
    /// The last segment of the path, or the name after `as`.
    name: String,
}

/// One file of a crate.
#[derive(Default)]
struct Source {
    imports: Vec<Import>,
    /// What it imports only to hand it on.
    exports: Vec<Import>,
}

/// The files of a crate.
struct Sources(BTreeMap<Module, Source>);

impl Sources {
    /// Reads every file of the crate whose `lib.rs` is in `folder`.
    fn read(folder: &Path) -> Self {
        let mut sources = Self(BTreeMap::new());
        sources.add(folder, &[]);
        sources
    }

    #[expect(clippy::unwrap_used, reason = "sources that cannot be read have failed the test")]
    fn add(&mut self, folder: &Path, parent: &[String]) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            let module = [parent, std::slice::from_ref(&stem)].concat();
            if path.is_dir() {
                self.add(&path, &module);
            } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "main" {
                let module = if stem == "lib" { Vec::new() } else { module };
                let source = Source::parse(&std::fs::read_to_string(&path).unwrap(), &module);
                self.0.insert(module, source);
            }
        }
    }

    /// The file that defines what is at `path`.
    fn defining(&self, path: &[String]) -> Module {
        let mut path = path.to_vec();
        // Each turn follows one re-export; a circle of them does not compile.
        loop {
            let known = (0..=path.len()).rev().find(|end| self.0.contains_key(&path[..*end]));
            let (module, rest) = path.split_at(known.unwrap_or(0));
            let exported = rest.first().and_then(|name| {
                let exports = &self.0.get(module)?.exports;
                exports.iter().find(|export| export.name == *name)
            });
            match exported {
                Some(export) => path = [&export.path, &rest[1..]].concat(),
                None => return module.to_vec(),
            }
        }
    }

    /// The other files that a file imports.
    fn imported_by(&self, module: &Module) -> BTreeSet<Module> {
        let imports = self.0.get(module).map_or(&[][..], |source| &source.imports);
        let files = imports.iter().map(|import| self.defining(&import.path));
        files.filter(|file| file != module).collect()
    }

    /// The files of one circle of imports, the first one again at the end.
    fn circle(&self) -> Option<Vec<String>> {
        let mut done = BTreeSet::new();
        self.0
            .keys()
            .find_map(|module| self.circle_from(module, &mut Vec::new(), &mut done))
    }

    fn circle_from(
        &self,
        module: &Module,
        trail: &mut Vec<Module>,
        done: &mut BTreeSet<Module>,
    ) -> Option<Vec<String>> {
        if let Some(start) = trail.iter().position(|earlier| earlier == module) {
            return Some(trail[start..].iter().chain([module]).map(|file| name(file)).collect());
        }
        if done.contains(module) {
            return None;
        }
        trail.push(module.clone());
        let imported = self.imported_by(module);
        let circle = imported.iter().find_map(|next| self.circle_from(next, trail, done));
        trail.pop();
        done.insert(module.clone());
        circle
    }
}

/// A file by its module.
fn name(module: &[String]) -> String {
    if module.is_empty() {
        "lib.rs".to_owned()
    } else {
        format!("{}.rs", module.join("/"))
    }
}

impl Source {
    /// Reads the declarations of a formatted file that are not indented: what a test module imports is its own business.
    fn parse(text: &str, module: &[String]) -> Self {
        let mut source = Self::default();
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let text = lines.collect::<Vec<_>>().join("\n");
        let children: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| without_visibility(line).0.strip_prefix("mod ")?.strip_suffix(';'))
            .collect();
        for statement in format!("\n{text}").split(';') {
            for (at, _) in statement.match_indices('\n') {
                let (declaration, public) = without_visibility(&statement[at + 1..]);
                let Some(tree) = declaration.strip_prefix("use ") else {
                    continue;
                };
                let imports = names(tree).into_iter().filter_map(|(path, name)| {
                    let path = absolute(&path, module, &children)?;
                    Some(Import { path, name })
                });
                if public {
                    source.exports.extend(imports);
                } else {
                    source.imports.extend(imports);
                }
            }
        }
        source
    }
}

/// A declaration without its `pub` or `pub(…)`, and whether it had one.
fn without_visibility(declaration: &str) -> (&str, bool) {
    match declaration.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => (rest.split_once(") ").map_or("", |(_, rest)| rest), true),
        Some(rest) if rest.starts_with(' ') => (rest.trim_start(), true),
        _ => (declaration, false),
    }
}

/// The names of a `use`, each with its path: `a::{b, c::d as e}` has the names `b` and `e`.
fn names(tree: &str) -> Vec<(String, String)> {
    let Some((prefix, rest)) = tree.split_once('{') else {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let path = path.trim().trim_end_matches("::self");
        let last = path.rsplit("::").next().unwrap_or_default();
        let name = if alias.is_empty() { last } else { alias.trim() };
        return vec![(path.to_owned(), name.to_owned())];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let mut depth = 0;
    let parts = inner.split(|character| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        character == ',' && depth == 0
    });
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    parts
        .flat_map(|part| names(&format!("{}{part}", prefix.trim())))
        .collect()
}

/// A path from the root of the crate; none if it leads out of the crate.
fn absolute(path: &str, module: &[String], children: &BTreeSet<&str>) -> Option<Module> {
    let mut segments = path.split("::").peekable();
    let mut base = match *segments.peek()? {
        "crate" => {
            segments.next();
            Vec::new()
        }
        "self" => {
            segments.next();
            module.to_vec()
        }
        "super" => module.to_vec(),
        first if children.contains(first) => module.to_vec(),
        _ => return None,
    };
    while segments.next_if_eq(&"super").is_some() {
        base.pop();
    }
    base.extend(segments.map(str::to_owned));
    Some(base)
}

#[test]
fn files_of_the_app_import_each_other_in_no_circle() {
    let sources = Sources::read(&Workspace::read().root().join("app/src"));
    assert!(sources.0.len() > 50, "files were not found");
    let state = ["http", "state"].map(str::to_owned).to_vec();
    let handler = ["http", "handlers", "me"].map(str::to_owned).to_vec();
    let imported = sources.imported_by(&handler);
    assert!(imported.contains(&state), "imports were not read: {imported:?}");
    if let Some(circle) = sources.circle() {
        panic!("a circle of imports: {}", circle.join(" → "));
    }
}

#[test]
fn a_handler_imports_no_other_handler() {
    let sources = Sources::read(&Workspace::read().root().join("app/src"));
    let is_handler = |module: &Module| module.len() > 2 && module[..2] == ["http", "handlers"];
    let handlers: Vec<&Module> = sources.0.keys().filter(|module| is_handler(module)).collect();
    assert!(handlers.len() > 10, "handlers were not found");
    for handler in handlers {
        let others: Vec<Module> = sources.imported_by(handler).into_iter().filter(is_handler).collect();
        assert_eq!(others, Vec::<Module>::new(), "{}", name(handler));
    }
}

/// The test finds a circle that goes through a re-export, an alias, braces and `super`.
#[test]
fn a_circle_of_imports_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("lib.rs", "mod door;\nmod house;\n");
    write("house.rs", "mod key;\npub(crate) use key::Key as Opener;\n");
    write(
        "house/key.rs",
        "use super::super::{\n    door::Lock,\n    std::fmt,\n};\n",
    );
    write("door.rs", "use std::fmt;\n\nuse crate::house::wall;\n");
    assert_eq!(Sources::read(folder.path()).circle(), None);
    write("door.rs", "use std::fmt;\n\nuse crate::house::{Opener, wall};\n");
    let circle = ["door.rs", "house/key.rs", "door.rs"].map(str::to_owned).to_vec();
    assert_eq!(Sources::read(folder.path()).circle(), Some(circle));
}
