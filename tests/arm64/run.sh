#!/usr/bin/env bash
# run.sh BUILD PACKAGE.deb [REGEX]: the tests of the arm64 build on a machine of another architecture, and what they sum to.
# First each by itself under qemu-user, which has no io_uring and starts no arm64 program: on epoll, without the labels
# `starts` and `tree`. Then guest.sh, a whole machine, with io_uring and the package. REGEX picks of the first, and leaves
# out the second.
set -euo pipefail
here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
source=${here%/tests/arm64}
build=$1 package=$2 regex=${3:-}
left_out='^(long|starts|tree)$'
# Besides: gigabytes through instructions that are emulated bit by bit, and what bounds CPU seconds; and what qemu-user has
# not, for the guest: filters of system calls, a program that starts itself again, and exec() that says how it failed.
not_here='^(DamageTest\.AllOfItIsFound|Plan\.OfAMillionObjectsTakesUnderTwoCpuSeconds'
not_here+='|BackendChoiceTest\.AutomaticFallsBackToEpollAndForcedSaysWhy|LogDeathTest\..*|RunProcess\.SaysHowItFailed)$'
status=0

printf '==> test: arm64 under qemu-user, on epoll\n' >&2
junit=$(readlink -f "$build")/junit.xml
rm -f "$junit"
ctest=0
S3ZIPD_TEST_IO=epoll ctest --test-dir "$build" -j 2 --output-on-failure --no-tests=error --output-junit "$junit" \
    --label-exclude "$left_out" --exclude-regex "$not_here" ${regex:+--tests-regex "$regex"} || ctest=$?
users=$(python3 -B "$source/scripts/summary.py" "$junit" "$ctest") || status=1
echo "qemu-user: $users"
[[ -z $regex ]] || exit $status
ctest --test-dir "$build" -N --label-regex '^(starts|tree)$' |
    sed -n 's/^Total Tests: \(.*\)/left out under qemu-user: \1 that start binaries or judge the tree, and 5 more/p'

machines=$("$here/guest.sh" "$package" "$build") || status=1
echo "guest: $machines"
sum() { # sum WORD: over both
    sed -nE "s/^(.*[ :])?([0-9]+) $1.*/\\2/p" <<<"$users"$'\n'"$machines" | awk '{ total += $1 } END { print total + 0 }'
}
passed=$(sum passed) failed=$(sum failed) skipped=$(sum skipped)
# It may have ended before it could count.
[[ $machines == *" failed"* ]] || failed=$((failed + 1))
((passed > 0 && failed == 0)) || status=1
echo "$passed passed, $failed failed, $skipped skipped"
exit $status
