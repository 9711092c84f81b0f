//! Anthropic's Messages API.

use std::io;

use serde_json::{Value, json};

use crate::http::Answer;
use crate::script::{Cause, Conversation, Failure, INPUT_TOKENS, Item, OUTPUT_TOKENS, Reply};

/// Understands a request body.
pub fn conversation(body: &Value) -> Conversation {
    let mut items = Vec::new();
    for message in body["messages"].as_array().into_iter().flatten() {
        if message["role"] != "user" {
            continue;
        }
        if let Some(text) = message["content"].as_str() {
            items.push(Item::Prompt(text.to_owned()));
        }
        for block in message["content"].as_array().into_iter().flatten() {
            match block["type"].as_str() {
                Some("text") => items.push(Item::Prompt(block["text"].as_str().unwrap_or_default().to_owned())),
                Some("tool_result") => items.push(Item::ToolResult),
                _ => {}
            }
        }
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    Conversation {
        model: body["model"].as_str().unwrap_or("stub").to_owned(),
        stream: body["stream"] == true,
        tools: tools.filter_map(|tool| Some(tool["name"].as_str()?.to_owned())).collect(),
        items,
    }
}

/// Answers with a text or a tool call.
pub fn reply(conversation: &Conversation, reply: &Reply, answer: &mut Answer) -> io::Result<()> {
    let headers = [("request-id", "req_stub".to_owned())];
    let usage = |output: u64| json!({"input_tokens": INPUT_TOKENS, "output_tokens": output, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0});
    let stop = if matches!(reply, Reply::Shell { .. }) { "tool_use" } else { "end_turn" };
    let mut message = json!({
        "id": "msg_stub", "type": "message", "role": "assistant", "model": conversation.model,
        "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage(1),
    });
    if !conversation.stream {
        message["stop_reason"] = json!(stop);
        message["usage"] = usage(OUTPUT_TOKENS);
        message["content"] = match reply {
            Reply::Say(text) => json!([{"type": "text", "text": text.whole()}]),
            Reply::Shell { tool, command } => {
                json!([{"type": "tool_use", "id": "toolu_stub", "name": tool.name(), "input": tool.arguments(command)}])
            }
            _ => json!([]),
        };
        return answer.json(200, &headers, &message);
    }
    let mut events = answer.events(&headers)?;
    events.typed(&json!({"type": "message_start", "message": message}))?;
    match reply {
        Reply::Say(text) => {
            events.typed(
                &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            )?;
            let delta =
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text.piece}});
            for _ in 0..text.times {
                events.typed(&delta)?;
            }
            events.typed(&json!({"type": "content_block_stop", "index": 0}))?;
        }
        Reply::Shell { tool, command } => {
            events.typed(
                &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            )?;
            events.typed(&json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Running the command."}}))?;
            events.typed(&json!({"type": "content_block_stop", "index": 0}))?;
            // Agents pair a call with its result by this id, so no two commands of a task may share one.
            let id = format!("toolu_stub{}", conversation.items.len());
            events.typed(&json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": id, "name": tool.name(), "input": {}}}))?;
            let arguments = tool.arguments(command).to_string();
            events.typed(&json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": arguments}}))?;
            events.typed(&json!({"type": "content_block_stop", "index": 1}))?;
        }
        Reply::Fail(_) | Reply::Hang | Reply::Cut => {}
    }
    events.typed(&json!({"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": null}, "usage": {"output_tokens": OUTPUT_TOKENS}}))?;
    events.typed(&json!({"type": "message_stop"}))?;
    events.finish()
}

/// Answers with an error of Anthropic's shape.
pub fn fail(failure: &Failure, answer: &mut Answer) -> io::Result<()> {
    let (kind, message) = match (failure.status, failure.cause) {
        (_, Cause::Credit) => (
            "invalid_request_error",
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
        ),
        (_, Cause::NoCredential) => ("authentication_error", "x-api-key header is required"),
        (401, _) => ("authentication_error", "invalid x-api-key"),
        (403, _) => ("permission_error", "Your API key does not have permission to use the specified resource."),
        (404, _) => ("not_found_error", "model: stub"),
        (429, _) => {
            ("rate_limit_error", "This request would exceed your account's rate limit. Please try again later.")
        }
        (529, _) => ("overloaded_error", "Overloaded"),
        (500.., _) => ("api_error", "Internal server error"),
        _ => ("invalid_request_error", "The request is not valid."),
    };
    let mut headers = vec![("request-id", "req_stub".to_owned())];
    if let Some(seconds) = failure.retry_after {
        headers.push(("retry-after", seconds.to_string()));
    }
    if failure.cause == Cause::Usage {
        // What tells a subscription's used-up allowance from a passing limit; the time is far in the future.
        headers.push(("anthropic-ratelimit-unified-status", "rejected".to_owned()));
        headers.push(("anthropic-ratelimit-unified-reset", "4102444800".to_owned()));
        headers.push(("anthropic-ratelimit-unified-representative-claim", "five_hour".to_owned()));
    }
    let body = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_stub"});
    answer.json(failure.status, &headers, &body)
}
