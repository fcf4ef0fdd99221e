// SPDX-License-Identifier: MIT OR Apache-2.0
//! The published schemas.

use jsonschema::Registry;
use serde_json::Value;
use std::path::Path;

fn read(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/{name}.schema.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What is wrong with this output by `docs/NAME.schema.json`.
pub fn errors(name: &str, output: &Value) -> Vec<String> {
    let report = read("report");
    let id = report["$id"].as_str().unwrap().to_owned();
    let registry = Registry::new().add(id, report).unwrap().prepare().unwrap();
    let schema = read(name);
    let validator = jsonschema::options()
        .with_registry(&registry)
        .build(&schema)
        .unwrap();
    let errors = validator.iter_errors(output);
    errors.map(|error| error.to_string()).collect()
}

/// It fits, and each of these changes makes that it does not.
pub fn fits(name: &str, output: &Value, changes: &[(&str, Value)]) {
    assert_eq!(errors(name, output), Vec::<String>::new());
    for (pointer, wrong) in changes {
        let mut broken = output.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = broken.pointer_mut(parent).unwrap();
        parent
            .as_object_mut()
            .unwrap()
            .insert(key.to_owned(), wrong.clone());
        assert!(!errors(name, &broken).is_empty(), "{pointer}");
    }
}
