package cli

func checkCommand() *command {
	return &command{
		name: "check", args: "FILE…", summary: "find faults in files, and what is likely to hurt",
		help: `Loads the files, merged in their order, and reports all faults: what does not
load, what cannot do what it says (errors), and what is likely to hurt in an
outage (warnings). FILE may be - for the standard input. Exit code 1 on errors.`,
		example: "ductile check --strict --env DUCTILE base.yaml production.yaml",
		run:     runCheck,
	}
}

func runCheck(c *command, env Env, args []string) int {
	f := newFlags(c)
	format := f.String("format", "text", "print `FORMAT`: text, json, or github (annotations)")
	strict := f.Bool("strict", false, "fail on warnings, too")
	each := f.Bool("each", false, "check each file by itself, instead of merged")
	notes := f.Bool("notes", false, "also show notes, which never fail; json always has them")
	prefix := f.String("env", "", "merge the variables that begin with `PREFIX`__, last")
	files, code, done := f.parse(env, args)
	switch {
	case done:
		return code
	case !f.oneOf(env, "format", *format, "text", "json", "github"):
		return exitUsage
	case len(files) == 0 && *prefix == "":
		return usageError(env, c.name, "no FILE is given", "", nil)
	}
	r := checked(newSource(env), *prefix, files, *each)
	r.OK = r.Errors == 0 && (!*strict || r.Warnings == 0)
	switch *format {
	case "json":
		writeJSON(env.Stdout, r)
	case "github":
		github(env.Stdout, r.shown(*notes))
	default:
		r.text(env.Stdout, paintOf(env), *notes)
	}
	if !r.OK {
		return exitFault
	}
	return exitOK
}

// checked loads and analyzes the files, together or each by itself.
func checked(s *source, prefix string, files []string, each bool) *result {
	r := &result{Findings: []diagnostic{}}
	for _, file := range files {
		if file == stdin {
			file = stdinName
		}
		r.Files = append(r.Files, file)
	}
	groups := [][]string{files}
	switch {
	case len(files) == 0:
		r.Files = []string{prefix + "__*"}
	case each:
		groups = nil
		for i := range files {
			groups = append(groups, files[i:i+1])
		}
	}
	for _, group := range groups {
		spec, faults := s.load(prefix, group...)
		if faults == nil {
			faults = s.check(spec)
		}
		r.add(faults)
	}
	r.sort()
	return r
}
