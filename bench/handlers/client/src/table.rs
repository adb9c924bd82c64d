//! A table behind the SDK's HTTP interface: it keeps what is put, and gives all of it to the next query.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write;
use std::mem;
use std::sync::{Arc, Mutex};

/// The items' JSON, as it was put.
#[derive(Clone, Default, Debug)]
pub(crate) struct Table(Arc<Mutex<Vec<String>>>);

#[derive(Deserialize)]
struct PutItem<'a> {
    #[serde(rename = "Item", borrow)]
    item: &'a RawValue,
}

impl Table {
    fn respond(&self, request: &HttpRequest) -> Result<HttpResponse, Error> {
        let mut items = self.0.lock().expect("no request panics");
        let body = match request.headers().get("x-amz-target") {
            Some("DynamoDB_20120810.PutItem") => {
                let put: PutItem = serde_json::from_slice(
                    request.body().bytes().ok_or("the body is not in memory")?,
                )?;
                items.push(put.item.get().to_owned());
                "{}".to_owned()
            }
            Some("DynamoDB_20120810.Query") => found(&mem::take(&mut *items))?,
            other => return Err(format!("the table does not know {other:?}").into()),
        };
        let mut response = HttpResponse::new(200.try_into()?, SdkBody::from(body));
        response
            .headers_mut()
            .insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    }
}

fn found(items: &[String]) -> Result<String, Error> {
    let mut body =
        String::with_capacity(64 + items.iter().map(|item| item.len() + 1).sum::<usize>());
    write!(
        body,
        "{{\"Count\":{0},\"ScannedCount\":{0},\"Items\":[",
        items.len()
    )?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(item);
    }
    body.push_str("]}");
    Ok(body)
}

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.respond(&request).map_err(ConnectorError::user))
    }
}

impl HttpClient for Table {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
