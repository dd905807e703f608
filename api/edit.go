package api

import "pushd"

// patch reads the body of PATCH /v1/jobs/{id}.
func (f *fields) patch() pushd.Patch {
	p := pushd.Patch{Edit: f.edit()}
	if rate := f.integer("rate", 0, maxRate); rate != nil {
		n := int(*rate)
		p.Rate = &n
	}
	if at := f.deadline(); at != 0 {
		p.Deadline = &at
	}
	if p.Rate == nil && p.Deadline == nil && p.Edit.Empty() {
		f.refuse("", "give rate, deadline, or what is to be sent: templateId, url, miniprogram, data", pushd.Because(pushd.WhyRequired))
	}
	return p
}

// edit reads a correction of what a job sends. In the manner of a merge patch
// (RFC 7396), what is not there stays, and null takes back what was asked for.
// As in a POST, an empty text or object counts as not there.
func (f *fields) edit() pushd.Edit {
	var e pushd.Edit
	e.TemplateID = change(f, "templateId", pushd.TemplateID(f.text("templateId", namePattern)))
	e.URL = change(f, "url", f.url())
	e.MiniProgram = change(f, "miniprogram", f.miniProgram())
	e.Data.To = f.changes()
	e.Data.Set = f.null("data") || e.Data.To != nil
	return e
}

// change is a change to what a member says, or back to nothing where it is null.
func change[T comparable](f *fields, key string, to T) pushd.Change[T] {
	var nothing T
	return pushd.Change[T]{Set: to != nothing || f.null(key), To: to}
}

// null says that a member is there and null.
func (f *fields) null(key string) bool {
	n := f.n.members[key]
	return n != nil && n.kind == null
}

// changes reads what becomes of the fields of data: a text, or nil for a field
// that goes; nil if none is named.
func (f *fields) changes() map[string]*string {
	n := f.object("data")
	if n == nil || len(n.keys) == 0 {
		return nil
	}
	changes := map[string]*string{}
	texts := &node{kind: object}
	for _, key := range n.keys {
		if member := n.members[key]; member.kind == null && dataKeyPattern.MatchString(key) {
			changes[key] = nil
		} else {
			*texts.add(key) = *member
		}
	}
	f.n.members["data"] = texts
	for key, value := range f.data() {
		changes[key] = &value
	}
	return changes
}
