//! The endpoint's description is current and complete.

use engawa::api::openapi_document;
use serde_json::Value;

#[test]
fn openapi_page_matches_the_routes() {
    let page = serde_json::to_string_pretty(&openapi_document()).unwrap() + "\n";
    crate::golden("docs/openapi.json", &page);
}

/// The table of routes and rights, and that it leaves nothing out that is served.
#[test]
fn routes_page_matches_the_routes_and_names_every_operation() {
    crate::golden("docs/routes.md", &engawa::api::routes_page());
    let document = serde_json::to_value(openapi_document()).unwrap();
    let mut described: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let mut permitted: Vec<_> =
        engawa::api::permissions().into_iter().map(|line| (line.method.to_owned(), line.path)).collect();
    described.sort();
    permitted.sort();
    assert_eq!(described, permitted);
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_has_its_own_id() {
    let document = serde_json::to_value(openapi_document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut references = Vec::new();
    collect(&document, "$ref", &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut ids = Vec::new();
    collect(&document["paths"], "operationId", &mut ids);
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert_eq!(count, engawa::api::permissions().len());
}

#[test]
fn every_operation_says_what_it_does_and_how_it_fails() {
    let document = serde_json::to_value(openapi_document()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            assert!(operation["security"].is_array(), "{method} {path}");
        }
    }
}

fn collect(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                match inner {
                    Value::String(text) if key == name => found.push(text.clone()),
                    _ => collect(inner, name, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
        _ => {}
    }
}
