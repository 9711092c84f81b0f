//! What a sandbox with an allow-list can reach, proved from inside it: only hosts of the test's own, on the real engine.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic is how tests fail, and tests start processes"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::stub::{KEY, Stub};
use support::{Bed, Done, Engine, PATIENCE, part, within};

/// A network of the engine's with two machines: one has files at port 8080, one says which name has which address.
struct Net {
    name: String,
    /// The host's address in it, which is the bridge's own.
    gateway: String,
    files: Machine,
    names: Machine,
}

/// A container that ends with its standard input.
struct Machine {
    child: Child,
    address: String,
}

const FILES: &str =
    "mkdir /tmp/files; cd /tmp/files; echo hello >index.html; dd if=/dev/zero of=big bs=1M count=2 2>/dev/null
    httpd -p 8080; while read -r line; do :; done";

/// `NAME=ADDRESS[,ADDRESS]...`; every other name does not exist.
const NAMES: &str = r"use Socket qw(:all);
    my %known = map { split /=/ } @ARGV;
    socket S, AF_INET, SOCK_DGRAM, 0; bind S, pack_sockaddr_in(53, INADDR_ANY) or die;
    exit if !defined(my $child = fork); if ($child) { 1 while <STDIN>; kill KILL => $child; exit }
    while (my $from = recv S, my $q, 512, 0) {
        my ($at, @labels) = (12);
        while (my $length = ord substr $q, $at, 1) { push @labels, lc substr $q, $at + 1, $length; $at += $length + 1 }
        my ($type, $list) = (unpack('n', substr $q, $at + 1, 2), $known{join '.', @labels});
        my @found = grep { length == ($type == 28 ? 16 : 4) } map { /:/ ? inet_pton(AF_INET6, $_) : inet_aton($_) } split /,/, $list // '';
        my $answer = join '', map { pack 'nnnNn/a', 0xc00c, $type, 1, 0, $_ } @found;
        send S, pack('a2nnnnn', $q, defined $list ? 0x8180 : 0x8183, 1, scalar @found, 0, 0) . substr($q, 12, $at + 5 - 12) . $answer, 0, $from;
    }";

impl Machine {
    fn start(engine: &Engine, net: &str, name: &str, image: &str, command: &[&str]) -> Machine {
        let mut docker = Command::new("docker");
        docker.args(["run", "--rm", "--interactive", "--network", net, "--name", name, image]).args(command);
        let child = docker.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        within(PATIENCE, "a machine has an address", || {
            let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
            address = engine.docker(&["inspect", "--format", format, name]);
            address.parse::<std::net::Ipv4Addr>().is_ok()
        });
        Machine { child, address }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Net {
    /// With these further names.
    fn new(engine: &Engine, label: &str, more: &[&str]) -> Net {
        let name = format!("ringfence-egress-{label}-{}", std::process::id());
        let id = engine.docker(&["network", "create", &name]);
        assert_eq!(id.len(), 64, "{id}");
        let gateway = engine.docker(&["network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", &name]);
        let files = Machine::start(engine, &name, &format!("{name}-files"), &engine.tiny(), &["sh", "-c", FILES]);
        let known = ["files.test", "deep.below.test"].map(|host| format!("{host}={}", files.address));
        let bridge = format!("bridge.test={gateway}");
        let mixed = format!("mixed.test={},127.0.0.1", files.address);
        let mut command = vec!["perl", "-e", NAMES, &known[0], &known[1], &bridge, &mixed];
        command.extend(more);
        let names = Machine::start(engine, &name, &format!("{name}-names"), &engine.worker(), &command);
        Net { name, gateway, files, names }
    }

    /// A bed whose doors ask this network for names: no outside host has one.
    fn bed(&self, engine: &Engine) -> Bed {
        let mut bed = engine.bed();
        let docker = which("docker");
        let dns = &self.names.address;
        bed.program(
            "docker",
            &format!("[ \"$1\" != create ] || {{ shift; set -- create --dns {dns} \"$@\"; }}\nexec {docker} \"$@\""),
        );
        bed
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for machine in [&mut self.files, &mut self.names] {
            drop(machine.child.stdin.take());
            let _ = machine.child.wait();
        }
        let _ = Command::new("docker").args(["network", "rm", &self.name]).stdout(Stdio::null()).status();
    }
}

fn which(program: &str) -> String {
    let output = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A shell script in a container of the worker image.
fn args<'a>(image: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let fixed =
        ["run", "--agent", "shell", "--mode", "docker", "--timeout", "60s", "--max-attempts", "1", "--image", image];
    fixed.into_iter().chain(rest.iter().copied()).collect()
}

/// `HOST:PORT` with its count and its fix, of all that was denied.
fn denied(json: &Value) -> BTreeMap<String, (u64, String)> {
    let one = |one: &Value| {
        let port = one["port"].as_u64().map_or_else(String::new, |port| format!(":{port}"));
        let name = format!("{}{port}", one["host"].as_str().unwrap());
        (name, (one["count"].as_u64().unwrap(), one["fix"].as_str().unwrap().to_owned()))
    };
    json["egressDenied"].as_array().unwrap().iter().map(one).collect()
}

/// `try NAME CURL_ARGS...` prints the name with what the proxy said to CONNECT and what came back in the end.
const TRY: &str = r#"try() { name=$1; shift; curl -s -m 20 -o /dev/null -w "$name %{http_connect} %{http_code}\n" "$@" || :; }
raw() { perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("127.0.0.1:3128"); print $s join "\r\n", @ARGV, "", ""; print substr(<$s>, 9, 3), "\n"' "$@"; }
"#;

const ATTEMPTS: &str = r#"try listed http://files.test:8080/; try tunnel -p http://files.test:8080/; try below http://deep.below.test:8080/
try port http://files.test:8081/; try tunnel-port -p http://files.test:22/; try apex http://below.test:8080/
try literal http://$files:8080/; try tunnel-literal -p http://$files:8080/; try tunnel-six -p 'http://[2001:db8::1]:8080/'
try unlisted http://other.test:8080/; try tunnel-unlisted -p http://other.test:443/
try fronted -H 'Host: other.test' http://files.test:8080/
try tunnel-fronted -p --proxy-header 'Host: other.test:8080' http://files.test:8080/
try unlisted-fronted -H 'Host: files.test:8080' http://other.test:8080/
for name in loop mapped mixed metadata; do try $name http://$name.test:8080/; done
try bridge http://bridge.test:$port/; try tunnel-bridge -p http://bridge.test:$port/; try engine-name http://host.docker.internal:$port/
raw 'GET / HTTP/1.1' 'Host: files.test:8080'; raw 'GET http://files.test:8080@other.test/ HTTP/1.1'
raw 'GET http://files.test:8080/ HTTP/1.1' 'Host: files.test:8080' 'Host: other.test'
raw 'GET http://files.test:8080/ HTTP/1.1' 'Host : other.test'
raw 'POST http://files.test:8080/ HTTP/1.1' 'Transfer-Encoding: chunked'
curl -s -m 5 --noproxy '*' http://$gateway:$port/; echo direct $?
curl -s -m 5 --noproxy '*' -g "http://[2001:db8::1]:$port/"; echo six $?
perl -MIO::Socket::INET -e 'IO::Socket::INET->new(Proto => "udp", PeerAddr => $ARGV[0]) or print "no udp\n"' $gateway:$port
getent hosts files.test || echo no name
ls /run/docker.sock /var/run/docker.sock 2>/dev/null || echo no engine
(: >/run/ringfence/rules) 2>/dev/null || echo rules are not mine
echo only $(ls /sys/class/net)
env | grep -i proxy | sort | tr '\n' ' '"#;

const OUTCOMES: &str = "listed 000 200\ntunnel 200 200\nbelow 000 200\nport 000 403\ntunnel-port 403 000\napex 000 403\nliteral 000 403\n\
         tunnel-literal 403 000\ntunnel-six 403 000\nunlisted 000 403\ntunnel-unlisted 403 000\nfronted 000 403\n\
         tunnel-fronted 403 000\nunlisted-fronted 000 403\nloop 000 403\nmapped 000 403\nmixed 000 403\nmetadata 000 403\n\
         bridge 000 403\ntunnel-bridge 403 000\nengine-name 000 403\n403\n403\n403\n403\n411\ndirect 7\nsix 7\nno udp\nno name\nno engine\n\
         rules are not mine\nonly lo\n\
         HTTPS_PROXY=http://127.0.0.1:3128 HTTP_PROXY=http://127.0.0.1:3128 NO_PROXY=localhost,127.0.0.1,::1 \
         http_proxy=http://127.0.0.1:3128 https_proxy=http://127.0.0.1:3128 no_proxy=localhost,127.0.0.1,::1 ";

#[test]
fn nothing_but_what_is_listed_can_be_reached_and_all_that_tries_is_counted() {
    let Some(engine) = Engine::get() else { return };
    let net = Net::new(
        &engine,
        "list",
        &["loop.test=127.8.8.8", "mapped.test=::ffff:127.0.0.1", "metadata.test=169.254.169.254"],
    );
    let bed = net.bed(&engine);
    // What must not be reached of this machine.
    let server = TcpListener::bind((net.gateway.as_str(), 0)).unwrap();
    server.set_nonblocking(true).unwrap();
    let port = server.local_addr().unwrap().port();
    let udp = UdpSocket::bind((net.gateway.as_str(), port)).unwrap();
    udp.set_nonblocking(true).unwrap();
    let (files, gateway) = (&net.files.address, &net.gateway);
    let script = format!("files={files} gateway={gateway} port={port}\n{TRY}{ATTEMPTS}");
    let bridge = format!("bridge.test:{port}");
    let named = format!("host.docker.internal:{port}");
    let worker = engine.worker();
    let mut all = args(&worker, &["--network", &net.name, "--json", "-f", "-"]);
    for host in [
        "files.test:8080",
        "*.below.test:8080",
        "loop.test:8080",
        "mapped.test:8080",
        "mixed.test:8080",
        "metadata.test:8080",
        &bridge,
        &named,
    ] {
        all.extend(["--allow-host", host]);
    }
    let json = bed.run_with(&all, script.as_bytes()).exits(0).json();
    assert_eq!(json["output"], OUTCOMES, "{json}");
    assert!(server.accept().is_err() && udp.recv(&mut [0; 64]).is_err(), "something came through");

    let mut counted = denied(&json);
    // At least those three; a name is asked for over more than one packet.
    assert!(counted.remove("*").is_some_and(|(count, fix)| count >= 3 && fix.contains("HTTPS_PROXY")), "{json}");
    let forward = format!("--forward {port}");
    let expected = [
        ("files.test:8081", 1, "--allow-host files.test:8081"),
        ("files.test:22", 1, "--allow-host files.test:22"),
        ("files.test:8080", 2, "nothing: the request names two different hosts"),
        ("below.test:8080", 1, "--allow-host below.test:8080"),
        ("[2001:db8::1]:8080", 1, "--allow-host [2001:db8::1]:8080"),
        ("files.test:8080", 1, "nothing: say its Content-Length, or use HTTPS"),
        ("other.test:8080", 2, "--allow-host other.test:8080"),
        ("other.test:443", 1, "--allow-host other.test"),
        ("loop.test:8080", 1, "--forward 8080"),
        ("mapped.test:8080", 1, "--forward 8080"),
        ("mixed.test:8080", 1, "--forward 8080"),
        ("metadata.test:8080", 1, "--forward 8080"),
        (&bridge, 2, &forward),
        (&named, 1, &forward),
    ];
    for (name, count, fix) in expected {
        // What was malformed for the same host stands beside.
        let found = json["egressDenied"].as_array().unwrap().iter().any(|one| {
            let known = format!("{}:{}", one["host"].as_str().unwrap(), one["port"]);
            known == name && one["count"] == count && one["fix"] == fix
        });
        assert!(found, "{name} {count} {fix} is not in {json}");
    }
    assert!(counted.contains_key("?") && counted.contains_key(&format!("{}:8080", net.files.address)), "{json}");

    let done = bed.run(&args(
        &worker,
        &[
            "--network",
            &net.name,
            "--allow-host",
            "files.test:8080",
            "curl -s other.test; cat /run/ringfence/policy.json",
        ],
    ));
    let done = done
        .exits(0)
        .says("warning: the network policy denied other.test:80; to let them through: --allow-host other.test");
    let policy = done.out();
    let policy: Value = serde_json::from_str(&policy[policy.find('{').unwrap()..]).unwrap();
    assert_eq!(policy["allow"], json!([{"host": "files.test", "ports": [8080]}]));
}

#[test]
fn a_hundred_downloads_at_a_time_and_neighbours_that_cannot_meet() {
    let Some(engine) = Engine::get() else { return };
    let net = Net::new(&engine, "many", &[]);
    let (bed, worker) = (net.bed(&engine), engine.worker());
    let script = "seq 100 | xargs -P 100 -n 1 sh -c 'curl -sf -o /dev/null -w \"%{size_download}\\n\" http://files.test:8080/big' | sort | uniq -c
        touch ready; while [ ! -e go ]; do sleep 0.05; done; curl -s http://files.test:8080/";
    let first = bed.spawn(&args(&worker, &["--network", &net.name, "--allow-host", "files.test:8080", script]), b"");
    within(Duration::from_secs(60), "all is downloaded", || bed.workspace().join("ready").exists());
    let door = doors_of(&engine, &bed);
    let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
    let neighbour = engine.docker(&["inspect", "--format", format, &door]);

    // One that may ask for the other's very address finds nobody listening there, and has a folder of its own.
    let script = format!(
        "{TRY} try neighbour http://{neighbour}:3128/; try its-host http://files.test:8080/; cat /run/ringfence/knocks"
    );
    let allowed = format!("{neighbour}:3128");
    let done = bed.run(&args(&worker, &["--network", &net.name, "--allow-host", &allowed, &script])).exits(0);
    assert_eq!(
        done.out(),
        format!(
            "neighbour 000 502\nits-host 000 403\nallowed 1 {neighbour} 3128 listed\ndenied 1 files.test 8080 unlisted\n"
        )
    );
    fs::write(bed.workspace().join("go"), "").unwrap();
    assert_eq!(first.finish().exits(0).out(), "    100 2097152\nhello\n");
    assert_eq!(engine.containers_of(&bed), "");
}

/// The names of the containers that keep a door for a run in this bed.
fn doors_of(engine: &Engine, bed: &Bed) -> String {
    let names = engine.containers_of(bed);
    names.lines().filter(|name| name.ends_with("-door")).collect::<Vec<_>>().join("\n")
}

/// The engine's name for the folder that a run and its door share.
fn volume_of(engine: &Engine, door: &str) -> String {
    engine.docker(&["inspect", "--format", "{{range .Mounts}}{{.Name}}{{end}}", door])
}

#[test]
fn a_door_that_is_lost_is_the_end_of_the_network_and_nothing_survives_its_owner() {
    let Some(engine) = Engine::get() else { return };
    let net = Net::new(&engine, "lost", &[]);
    let (bed, worker) = (net.bed(&engine), engine.worker());
    let script = format!(
        "{TRY} try before http://files.test:8080/; touch ready; while [ ! -e go ]; do sleep 0.05; done
        try after http://files.test:8080/; try direct --noproxy '*' http://{}:8080/",
        net.files.address
    );
    let all = args(&worker, &["--network", &net.name, "--json", "--allow-host", "files.test:8080", &script]);
    let running = bed.spawn(&all, b"");
    within(PATIENCE, "the script is ready", || bed.workspace().join("ready").exists());
    let door = doors_of(&engine, &bed);
    let volume = volume_of(&engine, &door);
    engine.docker(&["kill", &door]);
    within(PATIENCE, "the door is gone", || doors_of(&engine, &bed).is_empty());
    fs::write(bed.workspace().join("go"), "").unwrap();
    let done = running.finish().exits(0).says("door was ended from outside");
    assert_eq!(done.json()["output"], "before 000 200\nafter 000 000\ndirect 000 000\n");
    assert!(engine.docker(&["volume", "inspect", &volume]).contains("no such volume"), "{volume}");

    for file in ["ready", "go"] {
        fs::remove_file(bed.workspace().join(file)).unwrap();
    }
    let running = bed.spawn(&all, b"");
    within(PATIENCE, "the script is ready", || bed.workspace().join("ready").exists());
    let volume = volume_of(&engine, &doors_of(&engine, &bed));
    running.signal("KILL");
    within(PATIENCE, "both containers are gone", || engine.containers_of(&bed).is_empty());
    assert!(engine.docker(&["volume", "inspect", &volume]).contains("no such volume"), "{volume}");
    drop(running.finish());
}

#[test]
fn what_a_task_needs_is_learnt() {
    let Some(engine) = Engine::get() else { return };
    let net = Net::new(&engine, "learn", &["loop.test=127.0.0.1"]);
    let (bed, worker) = (net.bed(&engine), engine.worker());
    let script = "for url in files.test:8080 deep.below.test:8080 files.test:8081 nowhere.test loop.test; do curl -s -o /dev/null $url; done; exit 0";
    let all = args(&worker, &["--network", &net.name, "--learn", "--allow-host", "*.below.test:8080", script]);
    let done = bed
        .run(&all)
        .exits(0)
        .says("enough would have been: --allow-host files.test:8080 --allow-host files.test:8081\n");
    assert!(done.stderr.contains("denied loop.test:80; to let them through: --forward 80\n"), "{}", done.stderr);
    let json = bed.run(&[&all[..], &["--json"]].concat()).exits(0).json();
    assert_eq!(json["egressLearnt"], json!(["files.test:8080", "files.test:8081"]));
}

/// A service on loopback alone that answers everyone with one line, and says how many came.
fn service() -> (u16, thread::JoinHandle<String>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let heard = thread::spawn(move || {
        let (mut caller, _) = server.accept().unwrap();
        let mut heard = String::new();
        caller.write_all(b"ready\n").unwrap();
        caller.read_to_string(&mut heard).unwrap();
        caller.write_all(format!("you said {heard}").as_bytes()).unwrap();
        heard
    });
    (port, heard)
}

#[test]
fn a_service_on_the_hosts_loopback_is_one_inside() {
    let Some(engine) = Engine::get() else { return };
    let worker = engine.worker();
    for network in [&["--network", "none"][..], &["--network", "bridge"], &["--allow-host", "files.test"]] {
        let mut bed = engine.bed();
        let (port, heard) = service();
        bed.set("DATABASE_URL", format!("postgres://user@localhost:{port}/db"));
        let script = format!(
            "echo $DATABASE_URL; perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(\"127.0.0.1:{port}\") or die; print scalar <$s>; \
             print $s \"hi\"; shutdown $s, 1; print <$s>'"
        );
        let forward = port.to_string();
        let all = [&["-e", "DATABASE_URL", "--forward", &forward][..], network, &[&script]].concat();
        let done = bed.run(&args(&worker, &all)).exits(0);
        assert_eq!(done.out(), format!("postgres://user@localhost:{port}/db\nready\nyou said hi"), "{}", done.stderr);
        assert_eq!(heard.join().unwrap(), "hi");
        let left = fs::read_dir(bed.home().join(".local/state/ringfence/forward")).unwrap().count();
        assert_eq!(left, 0, "a socket is left on the disk");
    }
}

#[test]
fn what_cannot_hold_is_refused() {
    let Some(engine) = Engine::get() else { return };
    let mut bed = engine.bed();
    let shell = ["run", "--agent", "shell", "true"];
    for (options, code, message) in [
        (&["--mode", "host", "--allow-host", "files.test"][..], 78, "--allow-host cannot hold on the host"),
        (&["--mode", "host", "--learn"], 78, "--learn cannot hold on the host"),
        (&["--mode", "apple", "--allow-host", "files.test"], 78, "mode apple"),
        (
            &["--mode", "docker", "--network", "host", "--allow-host", "files.test"],
            78,
            "cannot hold on the host's own network",
        ),
        (&["--mode", "docker", "--network", "none", "--allow-host", "files.test"], 2, "contradict each other"),
        (&["--mode", "docker", "--network", "none", "--learn"], 2, "contradict each other"),
        (&["--mode", "docker", "--fallback", "host", "--allow-host", "files.test"], 2, "contradict each other"),
        (&["--mode", "docker", "--allow-host", "https://files.test/"], 2, "is an address, not a host"),
        (&["--mode", "docker", "--allow-host", "localhost:80"], 2, "--forward"),
        (&["--mode", "docker", "--allow-host", "@nmp"], 2, "@npm"),
        (&["--mode", "docker", "--forward", "80:81"], 2, "is not PORT or PORT:HOST:PORT"),
        (&["--mode", "docker", "--forward", "80", "--forward", "80:h:1"], 2, "port 80 is taken inside"),
    ] {
        let done: Done = bed.run(&[&shell[..], options].concat()).exits(code).says(message);
        assert!(done.stderr.contains("\nhint: ") && done.out().is_empty(), "{}", done.stderr);
    }
    let (tiny, gone) = (engine.tiny(), format!("ringfence-no-such-{}", std::process::id()));
    for (options, code, message) in [
        (&["--image", &tiny, "--allow-host", "files.test"][..], 78, "has no perl"),
        (&["--image", &tiny, "--network", "none", "--forward", "5432"], 78, "has no perl"),
        (&["--image", "ringfence-test/nowhere", "--allow-host", "files.test"], 69, "is not on this engine"),
        (&["--image", &tiny, "--network", &gone, "--allow-host", "files.test"], 69, "there is no network named"),
    ] {
        let done = bed.run(&[&shell[..], &["--mode", "docker"], options].concat()).exits(code).says(message);
        assert_eq!((done.out(), engine.containers_of(&bed)), (String::new(), String::new()));
    }
    bed.set("DOCKER_HOST", "tcp://192.0.2.1:2375");
    bed.run(&[&shell[..], &["--mode", "docker", "--forward", "80"]].concat())
        .exits(78)
        .says("on another machine, tcp://192.0.2.1:2375");
}

/// A socket that nobody owns any more goes with the next run; one that is somebody's stays.
#[test]
fn sockets_of_a_dead_process_are_swept() {
    let Some(engine) = Engine::get() else { return };
    let bed = engine.bed();
    let dead = bed.write("home/.local/state/ringfence/forward/dead/x", "");
    drop(UnixListener::bind(dead.with_file_name("1")).unwrap());
    bed.run(&args(&engine.worker(), &["--network", "none", "--forward", "80", "true"])).exits(0);
    assert!(!dead.parent().unwrap().exists());
}

#[test]
fn the_real_agents_do_their_tasks_through_the_door() {
    let Some(engine) = Engine::get() else { return };
    let net = Net::new(&engine, "agents", &[]);
    let stub = Stub::start(&[]);
    let (worker, gateway) = (engine.worker(), part("RINGFENCE_TEST_GATEWAY"));
    for agent in ["claude", "codex"] {
        let mut bed = net.bed(&engine);
        let key = if agent == "claude" { "ANTHROPIC_API_KEY" } else { "CODEX_API_KEY" };
        bed.set(key, KEY).set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
        let listed = format!("{gateway}:{}", stub.port());
        let task = "Do this.\nstub: sh echo made > made.txt; curl -s denied.test >> made.txt\nstub: text done";
        // By the address that the agent is pointed at, allowed because it is; then by one that is listed; then on loopback.
        for (host, options) in [
            (gateway.as_str(), &["--allow-host", "files.test"][..]),
            (gateway.as_str(), &["--no-agent-hosts", "--allow-host", &listed]),
            (
                "localhost",
                &["--allow-host", "files.test", "--forward", &format!("{}:{gateway}:{}", stub.port(), stub.port())],
            ),
        ] {
            let address = format!("http://{host}:{}", stub.port());
            bed.set("ANTHROPIC_BASE_URL", &address).set("OPENAI_BASE_URL", format!("{address}/v1"));
            let fixed =
                ["run", "--agent", agent, "--mode", "docker", "--image", &worker, "--network", &net.name, "--json"];
            let limits = ["--timeout", "60s", "--max-attempts", "1"];
            let done = bed.run_with(&[&fixed[..], &limits, options].concat(), task.as_bytes()).exits(0);
            assert_eq!(done.json()["output"], "done", "{}", done.stderr);
            let made = fs::read_to_string(bed.workspace().join("made.txt")).unwrap();
            assert!(made.starts_with("made\nringfence: denied: denied.test:80 is not on the allow-list"), "{made}");
            assert!(denied(&done.json()).contains_key("denied.test:80"), "{}", done.json());
        }
        // Without its own API it cannot work, and that is told.
        let fixed = ["run", "--agent", agent, "--mode", "docker", "--image", &worker, "--network", &net.name, "--json"];
        if agent == "claude" {
            bed.set("ANTHROPIC_BASE_URL", format!("http://{gateway}:{}", stub.port()))
                .set("CLAUDE_CODE_MAX_RETRIES", "0");
            let options = ["--timeout", "60s", "--max-attempts", "1", "--no-agent-hosts", "--allow-host", "files.test"];
            let done = bed.run_with(&[&fixed[..], &options].concat(), b"hello");
            assert!(done.code != Some(0) && denied(&done.json()).contains_key(&listed), "{}", done.json());
        }
    }
}

/// A warm sandbox that goes when the test is over.
struct Warm<'a> {
    name: String,
    bed: &'a Bed,
}

impl Drop for Warm<'_> {
    fn drop(&mut self) {
        self.bed.run(&["--mode", "docker", "sandbox", "rm", &self.name]);
    }
}

impl Warm<'_> {
    /// With what of a list of hosts is named in `options`.
    fn create<'a>(bed: &'a Bed, label: &str, image: &str, options: &[&str]) -> Warm<'a> {
        let name = format!("egress-{label}-{}", std::process::id());
        let fixed = ["--mode", "docker", "sandbox", "create", &name, "-a", "shell", "--image", image];
        bed.run(&[&fixed[..], options].concat()).exits(0);
        Warm { name, bed }
    }

    fn run(&self, script: &str) -> Done {
        self.bed.run(&["--mode", "docker", "run", "-a", "shell", "--sandbox", &self.name, "--timeout", "60s", script])
    }

    fn network(&self, options: &[&str]) -> Done {
        self.bed.run(&[&["--mode", "docker", "sandbox", "network", &self.name][..], options].concat())
    }

    fn door(&self, engine: &Engine) -> String {
        engine.docker(&["inspect", "--format", r#"{{index .Config.Labels "ringfence.door"}}"#, &self.name])
    }
}

/// Who is refused a lot hides nothing of what was let through.
fn refused_a_lot(engine: &Engine, net: &Net, warm: &Warm) {
    let noise = format!(
        r#"perl -MIO::Socket::INET -e 'for (1 .. 510) {{ $s = IO::Socket::INET->new("127.0.0.1:3128"); print $s "GET http://h$_.below.test/ HTTP/1.1\r\n\r\n"; <$s> }}'
        curl -s http://{}:8080/"#,
        net.files.address
    );
    assert_eq!(warm.run(&noise).exits(0).out(), "hello\n");
    let shown = warm.network(&["--json", "--log"]).exits(0).json();
    let seen = json!({"verdict": "allowed", "host": net.files.address, "port": 8080, "count": 1, "reason": "listed"});
    let others = json!({"verdict": "denied", "host": "?", "port": 0, "reason": "others"});
    let log = shown["log"].as_array().unwrap();
    let is_others = |one: &Value| others.as_object().unwrap().iter().all(|(key, value)| one[key] == *value);
    assert!(log.contains(&seen) && log.iter().any(is_others), "{shown}");
    let variables = engine.docker(&["inspect", "--format", "{{.Config.Env}}", &warm.door(engine)]);
    assert!(
        ["PERL5OPT= ", "PERL5LIB= ", "LD_PRELOAD= "].iter().all(|empty| variables.contains(empty)),
        "an image's own are not the door's: {variables}"
    );
}

#[test]
fn the_list_of_a_warm_sandbox_is_changed_while_it_lives() {
    let Some(engine) = Engine::get() else { return };
    let net = Net::new(&engine, "warm", &["other.test=127.0.0.1"]);
    let (mut bed, worker) = (net.bed(&engine), engine.worker());
    let (docker, dns) = (which("docker"), &net.names.address);
    let script = format!(
        "case $* in *ringfence.kind=door*) [ \"$1\" != run ] || {{ shift; set -- run --dns {dns} \"$@\"; }};; esac\nexec {docker} \"$@\""
    );
    bed.program("docker", &script);
    let warm = Warm::create(&bed, "live", &worker, &["--network", &net.name, "--allow-host", "files.test:8080"]);
    let state = || engine.docker(&["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", &warm.name]);
    let (before, door) = (state(), warm.door(&engine));

    let asks = "curl -s http://files.test:8080/; curl -s -o /dev/null http://deep.below.test:8080/; curl -s --noproxy '*' -m 5 http://files.test:8080/; exit 0";
    let done = warm.run(asks).exits(0);
    let hint = format!(
        "denied deep.below.test:8080; to let them through: ringfence sandbox network {} --allow-host deep.below.test:8080\n",
        warm.name
    );
    assert_eq!(done.says(&hint).out(), "hello\n");

    warm.network(&["--allow-host", "*.below.test:8080", "--block-host", "files.test"]).exits(0);
    let json = bed.run(&[
        "--mode",
        "docker",
        "run",
        "-a",
        "shell",
        "--json",
        "--sandbox",
        &warm.name,
        "curl -s http://deep.below.test:8080/; curl -s -o /dev/null http://files.test:8080/",
    ]);
    let json = json.exits(0).json();
    assert_eq!((&json["output"], denied(&json)["files.test:8080"].0), (&json!("hello\n"), 1), "{json}");
    assert_eq!(
        json["egressDenied"].as_array().unwrap().len(),
        1,
        "what another run was denied is not this one's: {json}"
    );

    // A connection that is open ends with the permission, whoever else came and went; the server itself would wait for a minute.
    let reads = r#"perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new("127.0.0.1:3128"); print $s "CONNECT deep.below.test:8080 HTTP/1.1\r\n\r\n";
        sysread $s, $_, 99; print; IO::Socket::INET->new("127.0.0.1:3128") for 1 .. 400;
        $t = IO::Socket::INET->new("127.0.0.1:3128"); print $t "GET / HTTP/1.1\r\n\r\n"; sysread $t, $_, 99; open F, ">", "ready"; sysread $s, $_, 99; print "closed\n"'"#;
    let running = bed.spawn(&["--mode", "docker", "run", "-a", "shell", "--sandbox", &warm.name, reads], b"");
    within(PATIENCE, "the connection is open", || bed.workspace().join("ready").exists());
    warm.network(&["--block-host", "*.below.test"]).exits(0);
    let done = running.finish().exits(0);
    assert_eq!(done.out(), "HTTP/1.1 200 Connection established\r\n\r\nclosed\n");
    assert!(done.took < Duration::from_secs(40), "{:?}", done.took);

    // What this machine's addresses are is looked at with every change, and with every start after a stop.
    let rules = |script: &str| engine.docker(&["exec", &door, "sh", "-c", &format!("cd /run/ringfence; {script}")]);
    let ours = format!("never {}/32", net.gateway);
    let forget = format!("grep -vxF '{ours}' rules >rules.new; mv rules.new rules");
    let known = || rules(&format!("grep -cxF '{ours}' rules"));
    assert_eq!((known().as_str(), rules(&forget).as_str(), known().trim()), ("1", "", "0"));
    warm.network(&["--policy", "allow"]).exits(0);
    assert_eq!(known(), "1");
    rules(&forget);
    assert_eq!(warm.run("curl -s -o /dev/null -w '%{http_code}\n' http://nowhere.test/; curl -s -o /dev/null -w '%{http_code}\n' http://other.test/").out(), "502\n403\n");
    // What is blocked stays so, however it is written and whatever leads there.
    let address: std::net::Ipv4Addr = net.files.address.parse().unwrap();
    let number = address.to_bits();
    let ports = ["--allow-host", "*.below.test:8080", "--block-host", &net.files.address];
    warm.network(&ports).exits(0);
    let other_ways = format!(
        "{TRY} for host in files.test..:8080 files.test:73616 {number}:8080 0x{number:x}:8080 [::ffff:{address}]:8080 deep.below.test:8080 ..:80; do
            raw \"GET http://$host/ HTTP/1.1\"; raw \"CONNECT $host HTTP/1.1\"; done | sort | uniq -c | tr -s ' '"
    );
    assert_eq!(warm.run(&other_ways).out(), " 14 403\n");
    warm.network(&["--block-host", "*.below.test"]).exits(0);
    let change = ["--allow-host", &net.files.address];
    warm.network(&change).exits(0);
    let shown = warm.network(&["--json", "--log"]).exits(0).json();
    let malformed = json!({"verdict": "denied", "host": "files.test", "port": 0, "count": 2, "reason": "malformed"});
    assert!(shown["log"].as_array().unwrap().contains(&malformed), "{shown}");
    assert_eq!(
        (&shown["policy"], &shown["allow"]),
        (&json!("allow"), &json!([{"host": net.files.address, "ports": [443, 80]}])),
        "{shown}"
    );
    assert_eq!(shown["block"], json!([{"host": "*.below.test", "ports": []}, {"host": "files.test", "ports": []}]));
    let log = shown["log"].as_array().unwrap();
    assert!(
        log.contains(
            &json!({"verdict": "denied", "host": "files.test", "port": 8080, "count": 1, "reason": "blocked"})
        ),
        "{shown}"
    );
    assert_eq!((state(), warm.door(&engine)), (before, door.clone()), "it was never made or started again");

    refused_a_lot(&engine, &net, &warm);

    // What was decided stays when it is stopped and started, and nothing stays when it goes.
    bed.run(&["--mode", "docker", "sandbox", "stop", &warm.name]).exits(0);
    assert!(warm.run("true").exits(0).stderr.is_empty());
    assert_eq!(known(), "1");
    assert!(warm.run("cat /run/ringfence/policy.json").exits(0).out().contains("\"network\": \"open\""));
    let shown = warm.network(&["--json", "--log"]).exits(0).json();
    assert!(shown["log"].as_array().unwrap().contains(&malformed), "what was counted before it was stopped: {shown}");
    let volume = volume_of(&engine, &door);
    bed.run(&["--mode", "docker", "sandbox", "rm", &warm.name]).exits(0);
    assert!(engine.docker(&["inspect", &door]).contains("No such object"), "{door}");
    assert!(engine.docker(&["volume", "inspect", &volume]).contains("no such volume"), "{volume}");
}

#[test]
fn a_warm_door_is_its_sandboxs_own_and_ends_with_it() {
    let Some(engine) = Engine::get() else { return };
    let (bed, worker, tiny) = (engine.bed(), engine.worker(), engine.tiny());
    let warm = Warm::create(&bed, "own", &worker, &["--allow-host", "files.test"]);
    let again = [
        "--mode",
        "docker",
        "sandbox",
        "create",
        &warm.name,
        "-a",
        "shell",
        "--image",
        &worker,
        "--allow-host",
        "files.test",
    ];
    bed.run(&again).exits(2).says("there is a sandbox named");
    bed.run(&[&again[..], &["--if-missing"]].concat()).exits(0);
    let label = format!("label=ringfence.workspace={}", bed.workspace().display());
    let doors = || {
        engine.docker(&[
            "ps",
            "--all",
            "--filter",
            &label,
            "--filter",
            "label=ringfence.kind=door",
            "--format",
            "{{.Names}} {{.State}}",
        ])
    };
    let door = warm.door(&engine);
    assert_eq!(doors(), format!("{door} running"));
    for options in [&["--allow-host", "x.test"][..], &["--learn"], &["--no-agent-hosts"], &["--forward", "80"]] {
        let fixed = ["--mode", "docker", "run", "-a", "shell", "--sandbox", &warm.name, "true"];
        bed.run(&[&fixed[..], options].concat()).exits(2).says(options[0]);
    }
    // A list that is to hold is not passed over in one that is open, nor on the host.
    let open = Warm::create(&bed, "open", &worker, &[]);
    let listed =
        ["--mode", "docker", "sandbox", "create", &open.name, "-a", "shell", "--image", &worker, "--if-missing"];
    bed.run(&[&listed[..], &["--allow-host", "files.test"]].concat()).exits(2).says("sandbox rm");
    bed.config("[sandbox]\nallow_hosts = [\"files.test\"]\n");
    open.run("touch reached").exits(78).says("was made without a list of hosts");
    let exec = ["--mode", "docker", "sandbox", "exec", &open.name, "--", "touch", "reached"];
    bed.run(&exec).exits(78).says("was made without a list of hosts");
    bed.run(&["run", "-a", "shell", "--mode", "host", "touch reached"]).exits(78).says("sandbox.allow_hosts (");
    assert!(!bed.workspace().join("reached").exists());
    warm.run("true").exits(0);
    bed.run(&["--mode", "docker", "sandbox", "exec", &warm.name, "--", "true"]).exits(0);
    bed.config("");
    // One that has ended waits for no sandbox.
    let lone = format!("egress-lone-{}", std::process::id());
    let labels = ["--label", "ringfence=1", "--label", "ringfence.kind=door"];
    engine.docker(&[&["run", "--name", &lone][..], &labels, &[&tiny, "true"]].concat());
    assert!(
        bed.run(&["--mode", "docker", "sandbox", "prune"])
            .exits(0)
            .out()
            .contains(&format!("{lone} (its sandbox is gone)"))
    );
    // However the sandbox ends, its door closes.
    engine.docker(&["kill", &warm.name]);
    within(PATIENCE, "the door is closed", || doors() == format!("{door} exited"));

    let plain = Warm::create(&bed, "plain", &tiny, &["--network", "none"]);
    plain.network(&["--allow-host", "x.test"]).exits(78).says("was made without a list of hosts");
    warm.network(&["--allow-host", "https://x.test"]).exits(2).says("--allow-host");
    let fixed = ["--mode", "docker", "sandbox", "create", "egress-no-perl", "-a", "shell", "--image", &tiny];
    bed.run(&[&fixed[..], &["--allow-host", "x.test"]].concat()).exits(78).says("has no perl");
    assert_eq!(doors(), format!("{door} exited"), "nothing is left of one that could not be made");
}

#[test]
fn whenever_a_run_is_interrupted_nothing_of_its_door_is_left() {
    let Some(engine) = Engine::get() else { return };
    let (bed, worker) = (engine.bed(), engine.worker());
    // While the door is made, while it is started, while the agent's container waits for it, and later.
    for (moment, signal) in [(60, "INT"), (150, "INT"), (300, "TERM"), (500, "INT"), (250, "KILL"), (450, "KILL")] {
        let all = args(&worker, &["--grace", "1s", "--allow-host", "files.test", "sleep 60"]);
        let running = bed.spawn(&all, b"");
        thread::sleep(Duration::from_millis(moment));
        running.signal(signal);
        let done = running.finish();
        let code = match signal {
            "INT" => Some(130),
            "TERM" => Some(143),
            _ => None,
        };
        assert_eq!(done.code, code, "{moment}: {}", done.stderr);
        within(PATIENCE, "nothing is left", || engine.containers_of(&bed).is_empty());
    }
    // One that was made and never started has no lifeline yet.
    let mut bed = engine.bed();
    bed.program("docker", &format!("[ \"$1\" != start ] || exec cat\nexec {} \"$@\"", which("docker")));
    let running = bed.spawn(&args(&worker, &["--allow-host", "files.test", "true"]), b"");
    within(PATIENCE, "the door is made", || !doors_of(&engine, &bed).is_empty());
    running.signal("KILL");
    drop(running.finish());
    within(PATIENCE, "nothing is left", || engine.containers_of(&bed).is_empty());
}
