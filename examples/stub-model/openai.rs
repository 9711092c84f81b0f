//! `OpenAI`'s Responses API, which codex speaks, and its older Chat Completions, which opencode can speak.

use std::io;

use serde_json::{Value, json};

use crate::http::Answer;
use crate::script::{Cause, Conversation, Failure, INPUT_TOKENS, Item, OUTPUT_TOKENS, Reply, ShellTool, Text};

const SAID_BEFORE_A_COMMAND: &str = "Running the command.";

/// Understands a Responses request.
pub fn responses_conversation(body: &Value) -> Conversation {
    let mut items = Vec::new();
    if let Some(text) = body["input"].as_str() {
        items.push(Item::Prompt(text.to_owned()));
    }
    for item in body["input"].as_array().into_iter().flatten() {
        match item["type"].as_str() {
            Some("function_call_output" | "custom_tool_call_output" | "local_shell_call_output") => {
                items.push(Item::ToolResult);
            }
            // The type may be left out of a message.
            Some("message") | None if item["role"] == "user" => prompts(&item["content"], &mut items),
            _ => {}
        }
    }
    let mut tools = Vec::new();
    tool_names(&body["tools"], &mut tools);
    // Codex with its newest models offers its tools as a piece of input.
    for item in body["input"].as_array().into_iter().flatten() {
        tool_names(&item["tools"], &mut tools);
    }
    Conversation {
        model: body["model"].as_str().unwrap_or("stub").to_owned(),
        stream: body["stream"] == true,
        tools,
        items,
    }
}

/// The names of the tools, those in namespaces included.
fn tool_names(tools: &Value, names: &mut Vec<String>) {
    for tool in tools.as_array().into_iter().flatten() {
        if tool["type"] == "namespace" {
            tool_names(&tool["tools"], names);
        } else {
            names.extend(tool["name"].as_str().map(str::to_owned));
        }
    }
}

/// Understands a Chat Completions request.
pub fn chat_conversation(body: &Value) -> Conversation {
    let mut items = Vec::new();
    for message in body["messages"].as_array().into_iter().flatten() {
        match message["role"].as_str() {
            Some("user") => prompts(&message["content"], &mut items),
            Some("tool") => items.push(Item::ToolResult),
            _ => {}
        }
    }
    let tools = body["tools"].as_array().into_iter().flatten();
    Conversation {
        model: body["model"].as_str().unwrap_or("stub").to_owned(),
        stream: body["stream"] == true,
        tools: tools.filter_map(|tool| Some(tool["function"]["name"].as_str()?.to_owned())).collect(),
        items,
    }
}

/// The texts of a message's content, which is a string or a list of parts.
fn prompts(content: &Value, items: &mut Vec<Item>) {
    let parts = content.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
    items.extend(content.as_str().into_iter().chain(parts).map(|text| Item::Prompt(text.to_owned())));
}

/// Answers a Responses request with a text or a function call.
pub fn responses_reply(conversation: &Conversation, reply: &Reply, answer: &mut Answer) -> io::Result<()> {
    let output = match reply {
        Reply::Say(text) => vec![message(&text.whole())],
        Reply::Shell { tool, command } => vec![message(SAID_BEFORE_A_COMMAND), call(conversation, *tool, command)],
        Reply::Fail(_) | Reply::Hang | Reply::Cut => Vec::new(),
    };
    let response = |status: &str, output: &[Value]| {
        json!({
            "id": "resp_stub", "object": "response", "created_at": 0, "status": status, "model": conversation.model, "output": output,
            "usage": {
                "input_tokens": INPUT_TOKENS, "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": OUTPUT_TOKENS, "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            },
        })
    };
    if !conversation.stream {
        return answer.json(200, &[], &response("completed", &output));
    }
    let mut events = answer.events(&[("x-request-id", "req_stub".to_owned())])?;
    events.typed(&json!({"type": "response.created", "response": response("in_progress", &[])}))?;
    for (index, item) in output.iter().enumerate() {
        let mut begun = item.clone();
        begun["status"] = json!("in_progress");
        match item["type"].as_str() {
            Some("message") => begun["content"] = json!([]),
            Some("function_call") => begun["arguments"] = json!(""),
            _ => begun["input"] = json!(""),
        }
        events.typed(&json!({"type": "response.output_item.added", "output_index": index, "item": begun}))?;
        if item["type"] == "message" {
            let before_a_command = Text { piece: SAID_BEFORE_A_COMMAND.to_owned(), times: 1 };
            let text = if let Reply::Say(text) = reply { text } else { &before_a_command };
            let at = json!({"item_id": "msg_stub", "output_index": index, "content_index": 0});
            events.typed(&with(&at, &json!({"type": "response.content_part.added", "part": {"type": "output_text", "text": "", "annotations": []}})))?;
            let delta = with(&at, &json!({"type": "response.output_text.delta", "delta": text.piece}));
            for _ in 0..text.times {
                events.typed(&delta)?;
            }
            events
                .typed(&with(&at, &json!({"type": "response.output_text.done", "text": item["content"][0]["text"]})))?;
            events.typed(&with(&at, &json!({"type": "response.content_part.done", "part": item["content"][0]})))?;
        } else if item["type"] == "function_call" {
            let at = json!({"item_id": "fc_stub", "output_index": index});
            events.typed(&with(
                &at,
                &json!({"type": "response.function_call_arguments.delta", "delta": item["arguments"]}),
            ))?;
            events.typed(&with(
                &at,
                &json!({"type": "response.function_call_arguments.done", "arguments": item["arguments"]}),
            ))?;
        }
        events.typed(&json!({"type": "response.output_item.done", "output_index": index, "item": item}))?;
    }
    events.typed(&json!({"type": "response.completed", "response": response("completed", &output)}))?;
    events.finish()
}

fn message(text: &str) -> Value {
    json!({
        "type": "message", "id": "msg_stub", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    })
}

fn call(conversation: &Conversation, tool: ShellTool, command: &str) -> Value {
    let mut call =
        json!({"id": "fc_stub", "status": "completed", "name": tool.name(), "call_id": call_id(conversation)});
    if tool == ShellTool::Exec {
        call["type"] = json!("custom_tool_call");
        // A JSON string is a JavaScript string, too.
        call["input"] =
            json!(format!("const ran = await tools.exec_command({});\ntext(ran.output);", tool.arguments(command)));
    } else {
        call["type"] = json!("function_call");
        call["arguments"] = json!(tool.arguments(command).to_string());
    }
    call
}

/// Agents pair a call with its result by this id, so no two commands of a task may share one.
fn call_id(conversation: &Conversation) -> String {
    format!("call_stub{}", conversation.items.len())
}

/// Both objects' fields in one.
fn with(one: &Value, other: &Value) -> Value {
    let fields = [one, other].into_iter().filter_map(Value::as_object).flatten();
    fields.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Answers a Chat Completions request with a text or a tool call.
pub fn chat_reply(conversation: &Conversation, reply: &Reply, answer: &mut Answer) -> io::Result<()> {
    let usage = json!({"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS});
    let (piece, times, finish) = match reply {
        Reply::Say(text) => (json!({"role": "assistant", "content": text.piece}), text.times, "stop"),
        Reply::Shell { tool, command } => {
            let function = json!({"name": tool.name(), "arguments": tool.arguments(command).to_string()});
            let call = json!({"index": 0, "id": call_id(conversation), "type": "function", "function": function});
            (json!({"role": "assistant", "content": SAID_BEFORE_A_COMMAND, "tool_calls": [call]}), 1, "tool_calls")
        }
        Reply::Fail(_) | Reply::Hang | Reply::Cut => (json!({}), 0, "stop"),
    };
    let chunk = |object: &str, choice: Value| json!({"id": "chatcmpl-stub", "object": object, "created": 0, "model": conversation.model, "choices": [choice]});
    if !conversation.stream {
        let mut message = piece;
        if let Reply::Say(text) = reply {
            message["content"] = json!(text.whole());
        }
        let mut body = chunk("chat.completion", json!({"index": 0, "message": message, "finish_reason": finish}));
        body["usage"] = usage;
        return answer.json(200, &[], &body);
    }
    let mut events = answer.events(&[("x-request-id", "req_stub".to_owned())])?;
    let data = chunk("chat.completion.chunk", json!({"index": 0, "delta": piece, "finish_reason": null})).to_string();
    for _ in 0..times {
        events.data(&data)?;
    }
    let mut last = chunk("chat.completion.chunk", json!({"index": 0, "delta": {}, "finish_reason": finish}));
    last["usage"] = usage;
    events.data(&last.to_string())?;
    events.data("[DONE]")?;
    events.finish()
}

/// Answers with an error of `OpenAI`'s shape.
pub fn fail(failure: &Failure, answer: &mut Answer) -> io::Result<()> {
    let mut error = match (failure.status, failure.cause) {
        (_, Cause::Credit) => json!({
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "type": "insufficient_quota", "code": "insufficient_quota",
        }),
        // What the ChatGPT backend sends to a subscription.
        (_, Cause::Usage) => json!({
            "message": "The usage limit has been reached", "type": "usage_limit_reached", "code": null,
            "plan_type": "plus", "resets_at": 4_102_444_800_u64, "resets_in_seconds": 3600,
        }),
        (_, Cause::NoCredential) => json!({
            "message": "Missing bearer or basic authentication in header", "type": "invalid_request_error", "code": null,
        }),
        (401, _) => {
            json!({"message": "Incorrect API key provided: sk-stub.", "type": "invalid_request_error", "code": "invalid_api_key"})
        }
        (403, _) => {
            json!({"message": "You have insufficient permissions for this operation.", "type": "invalid_request_error", "code": "insufficient_permissions"})
        }
        (404, _) => {
            json!({"message": "The model does not exist or you do not have access to it.", "type": "invalid_request_error", "code": "model_not_found"})
        }
        (429, _) => {
            json!({"message": "Rate limit reached for requests.", "type": "requests", "code": "rate_limit_exceeded"})
        }
        (500.., _) => {
            json!({"message": "The server had an error while processing your request.", "type": "server_error", "code": null})
        }
        _ => json!({"message": "The request is not valid.", "type": "invalid_request_error", "code": null}),
    };
    error["param"] = Value::Null;
    let mut headers = vec![("x-request-id", "req_stub".to_owned())];
    if let Some(seconds) = failure.retry_after {
        headers.push(("retry-after", seconds.to_string()));
    }
    answer.json(failure.status, &headers, &json!({"error": error}))
}
