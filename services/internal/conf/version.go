package conf

import "runtime/debug"

// Version is that of the module, with the commit it was built from, as in "(devel) 1a2b3c4d5e6f";
// "+changes" behind it says that the tree was not clean.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	if revision == "" {
		return info.Main.Version
	}
	return info.Main.Version + " " + revision + changed
}

// VersionHeader is the header of HTTP answers that holds the version.
const VersionHeader = "Waystage-Version"
