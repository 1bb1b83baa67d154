# ONNXTUNE_CUDASIM
# ----------------
# The CUDA backend is tested without a GPU on look-alikes of CUDA's libraries (tests/cudasim), for
# which a C++ compiler compiles the kernels; nothing else needs one. Sets cudasim (yes, or why
# not), CUDASIM_CXXFLAGS and the conditional CUDASIM.
AC_DEFUN([ONNXTUNE_CUDASIM], [
cudasim="no (no C++ compiler that traps at wrong access; Debian: g++)"
CUDASIM_CXXFLAGS="-std=c++17 -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-strict-aliasing"
CUDASIM_CXXFLAGS="$CUDASIM_CXXFLAGS -fno-math-errno -fsanitize=alignment,bounds -fsanitize-undefined-trap-on-error"
AC_LANG_PUSH([C++])
cudasim_save_CXXFLAGS=$CXXFLAGS
CXXFLAGS="$CXXFLAGS $CUDASIM_CXXFLAGS"
AC_MSG_CHECKING([whether $CXX can compile kernels for tests])
AC_LINK_IFELSE([AC_LANG_PROGRAM([[static thread_local int shared[4];]],
	[[return [=](auto... i) { return shared[0]; }(__builtin_LINE());]])],
	[cudasim=yes])
AC_MSG_RESULT([$cudasim])
CXXFLAGS=$cudasim_save_CXXFLAGS
AC_LANG_POP([C++])
AC_SUBST([CUDASIM_CXXFLAGS])
AM_CONDITIONAL([CUDASIM], [test "$cudasim" = yes])
])
