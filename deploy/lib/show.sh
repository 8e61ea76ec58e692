# The main job, performed on the running system, a step a line. Every step is checked: the show
# ends with an error when something does not happen. Sourced by deploy/quickstart.
# shellcheck shell=bash disable=SC2154

# json EXPRESSION: evaluates Python over the JSON on standard input, as `it`.
json() {
	/usr/bin/python3 -c 'import json, sys
def dues(ticket):
    return "; ".join("{kind} {target}, due {due_at}".format(**c) for c in ticket["clocks"])
def outcomes(ticket):
    return "; ".join("{}: {:.1f} s of {} consumed, {}".format(c["kind"], c["consumed_s"],
        c["target"], "breached" if c["breached_at"] else c["state"]) for c in ticket["clocks"])
it = json.load(sys.stdin)
value = eval(sys.argv[1])
print("" if value is None else value)' "$1"
}

# until_true SECONDS WHAT COMMAND...: polls; an error that says what did not happen.
until_true() {
	local limit=$1 what=$2 i
	shift 2
	for ((i = 0; i < limit * 5; i++)); do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.2
	done
	show_news
	die "this did not happen within $limit s: $what" "logs: $LOGS" \
		'look at them, or begin afresh: deploy/quickstart --destroy'
}

# What the open watch has printed since the last call.
show_news() {
	local lines
	lines=$(wc -l <"$LOGS/watch.txt")
	if [[ $lines -gt $WATCH_SEEN ]]; then
		sed -n "$((WATCH_SEEN + 1)),${lines}p" "$LOGS/watch.txt" |
			sed 's/  spb-fs1: crane-terminal.*$//; s/^/             watch | /'
		WATCH_SEEN=$lines
	fi
}

# watch_count PATTERN: how many lines about our ticket match it.
watch_count() { grep -F "#$TICKET " "$LOGS/watch.txt" | grep -c -- "$1" || true; }
watch_has() { [[ $(watch_count "$1") -ge 1 ]]; }

open_watch() {
	WATCH_SEEN=0
	: >"$LOGS/watch.txt"
	(exec "$DATA/as" irina watch >"$LOGS/watch.txt" 2>&1 9>&-) &
	WATCH=$!
	trap close_watch EXIT
	# Its first line says from where it watches.
	until_true 10 'the watch opens' test -s "$LOGS/watch.txt"
	show_news
	step 'Ирина, a manager, keeps a watch open'
}

close_watch() {
	if [[ -n ${WATCH-} ]]; then kill "$WATCH" 2>/dev/null && wait "$WATCH" 2>/dev/null || true; fi
	WATCH=''
}

# The newest ticket that a machine filed at the site, as an id; failure without one after LAST.
newest_incident() {
	local id
	id=$(as marta --format json ticket list --customer verf --site spb --open |
		json 'max((t["id"] for t in it if t["machine_filed"]), default=0)')
	[[ $id -gt $LAST ]] && echo "$id"
}

ticket_json() { as marta --format json ticket show "$TICKET"; }
ticket_is() { [[ $(ticket_json | json 'it["ticket"]["state"]') = "$1" ]]; }

show_fault() {
	LAST=0
	LAST=$(newest_incident 2>/dev/null || echo 0)
	service_stop agent
	service_stop listener
	if [[ -e $DATA/show-number ]]; then
		echo $(($(cat "$DATA/show-number") + 1)) >"$DATA/show-number"
	else
		echo 1 >"$DATA/show-number"
	fi
	write_checks
	step "nothing listens on port $FAULT_PORT; agent $AGENT starts: check_tcp, check_disk, check_load"
	start_agent
	until_true 40 'the fault becomes hard and is filed' newest_incident
	TICKET=$(newest_incident)
	step "check_tcp failed three times, its state is hard: incident $TICKET is filed, over mutual TLS"
	step "its clocks run: $(ticket_json | json 'dues(it["ticket"])')"
	show_news
}

show_levels() {
	until_true 30 'the warning level of the response clock fires' \
		watch_has 'level_fired .*response, level 1'
	step 'half of the response target is gone: the warning level fires'
	until_true 30 'the breach level of the response clock fires' watch_has 'level_fired .*response, level 2'
	step 'the response target is gone: the breach level fires'
	show_news
}

show_work() {
	as pavel ticket take "$TICKET" >/dev/null
	step 'Павел, an engineer, takes it'
	as pavel ticket reply "$TICKET" --text 'Вижу: терминал крана не отвечает. Проверяю.' >/dev/null
	step '… and answers publicly: the response clock stops'
	as pavel ticket pend "$TICKET" --reason customer \
		--text 'Терминал сегодня выключали? Можно ли его перезапустить?' >/dev/null
	step '… and asks the customer: the resolution clock pauses'
	sleep 2
	as olga ticket reply "$TICKET" --text 'Да, электрики отключали щит. Перезапускайте.' >/dev/null
	ticket_is pending && die "the requester's answer did not resume ticket $TICKET"
	step 'Ольга, at the customer, answers: the clock goes on'
	as pavel ticket resolve "$TICKET" --text 'Питание вернули, терминал запускается.' >/dev/null
	step 'Павел resolves it: the resolution clock stops'
	show_news
}

show_recovery() {
	start_listener
	step "something listens on port $FAULT_PORT now"
	until_true 40 'the recovery is reported and closes the incident' ticket_is closed
	step 'the agent reports the recovery, which closes the incident'
	show_news
	local level count
	for level in 1 2; do
		count=$(watch_count "level_fired .*response, level $level")
		[[ $count -eq 1 ]] || die "response level $level fired $count times"
	done
	step 'each level appeared in the watch exactly once'
}

show_figures() {
	local from to
	from=$(date -u -d yesterday +%F)
	to=$(date -u -d 'tomorrow + 1 day' +%F)
	folded() {
		[[ $(as irina --format json server status | json 'it["fold_rev"] >= it["feed_rev"]') = True ]]
	}
	until_true 10 'the statistics follow the journal' folded
	step 'Ирина asks how it went:'
	for name in mtta mttr compliance; do
		as irina kpi "$name" --by customer,site --from "$from" --to "$to" | sed 's/^/             /'
	done
}

show_explanation() {
	step 'how each deadline came about:'
	as irina sla explain "$TICKET" | sed 's/^/             /'
	step "what each clock did: $(ticket_json | json 'outcomes(it["ticket"])')"
}

show_main_job() {
	open_watch
	show_fault
	show_levels
	show_work
	show_recovery
	show_figures
	show_explanation
	close_watch
	trap - EXIT
	step 'the main job is done'
}
