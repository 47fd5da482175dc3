# Shared by the scripts of ci/, which source it. Needs bash.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Caches live outside the clone: they are used when there and made when not.
cache=${ARCLIGHT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/arclight}
mkdir -p "$cache"

# Every clone that CI makes is a new one: what cargo compiled of the dependencies is kept.
if [[ -n ${CI:-} && -z ${CARGO_TARGET_DIR:-} ]] && mkdir -p "$cache/target" 2>/dev/null; then
  export CARGO_TARGET_DIR=$cache/target
fi
cargo_target=${CARGO_TARGET_DIR:-$repository/target}

# A developer may name another command, such as one that waits for its turn.
maven=${MAVEN:-mvn}

say() {
  printf '\n== %s\n' "$*" >&2
}

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# Installs Debian packages where a command or a file is missing.
install_debian() {
  local run=()
  if [[ $(id -u) != 0 ]]; then
    command -v sudo >/dev/null || fail "please install: $*"
    run=(sudo)
  fi
  command -v apt-get >/dev/null || fail "please install: $*"
  say "installing $*"
  "${run[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${run[@]}" apt-get install -qq -y --no-install-recommends "$@" >&2
}

# What the build needs, beyond Rust, Java and Maven.
require_build_tools() {
  command -v cargo >/dev/null || fail "cargo is missing: install Rust 1.95 or later"
  command -v java >/dev/null || fail "java is missing: install a JDK 17"
  command -v "$maven" >/dev/null || fail "$maven is missing: install Maven 3.8 or later"
  command -v cc >/dev/null && command -v c++ >/dev/null || install_debian build-essential
}

# Makes the Python environment and leaves its interpreter's path in $python.
require_python() {
  local environment=$cache/venv requirements=$repository/ci/requirements.txt
  local stamp=$environment/requirements.sha256 interpreter=
  local wanted
  wanted=$(cat "$requirements" "$repository/tpch/requirements.txt" | sha256sum)
  python=$environment/bin/python
  if [[ -x $python && -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
    return
  fi
  for interpreter in python3.11 python3.12 python3.13 python3; do
    "$interpreter" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
    interpreter=
  done
  [[ -n $interpreter ]] || fail "python3 is missing: install Python 3.11 or later"
  if ! "$interpreter" -c 'import ensurepip, venv' 2>/dev/null; then
    install_debian python3-venv
  fi
  say "installing Python packages into $environment"
  [[ -x $python ]] || "$interpreter" -m venv "$environment"
  "$python" -m pip install --quiet --disable-pip-version-check --requirement "$requirements" >&2
  printf '%s\n' "$wanted" >"$stamp"
}

# What the jar holds besides classes, by its paths in there.
jar_content=$repository/target/jar-content

# Begins a jar's content anew, so that nothing of an earlier build is left in it.
begin_jar() {
  # Maven leaves what it copied before: a library of another profile, which might be loaded first.
  rm -rf "$jar_content" "$repository/spark-plugin/dist/target/classes/native"
  mkdir -p "$jar_content/META-INF"
  cp "$repository/LICENSE" "$repository/NOTICE" "$jar_content/META-INF/"
}

# stage_library FOLDER PLATFORM: puts FOLDER's library into the jar for a platform.
stage_library() {
  mkdir -p "$jar_content/native/$2"
  cp "$1/libarclight.so" "$jar_content/native/$2/"
}

# build_plugin PROFILE ARGUMENT...: runs Maven over the plugin, with the native library of a profile.
build_plugin() {
  local profile=$1
  shift
  (cd "$repository/spark-plugin" && "$maven" --batch-mode --quiet "$@" \
    "-Dcargo.target.directory=$cargo_target" "-Dcargo.profile=$profile")
}

# build_jar PROFILE: makes target/arclight.jar of the staged content.
build_jar() {
  build_plugin "$1" package -Dmaven.test.skip=true -DskipTests -pl dist -am
}
